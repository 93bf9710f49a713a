# The front door. Each command is a program of its own under tools/, which installs, fetches and builds what is missing.

APP = examples/demo.py
PORT = 8080
APP_PORT = 80
TARGET = host
FLASH =
ROMFS =
DIR =
BOARD = MODHTTP_PICO
BOARDS =
DEVICE =
DEPLOY =
DRIVE =
UF2 =
FILES =
SECONDS =
RUNS =
HARNESS =
PROGRAMS =
NAMES =
MINUTES = 60
SERVE =
export APP PORT APP_PORT TARGET FLASH ROMFS DIR BOARD DEVICE DRIVE UF2

PYTHON = python3
export PYTHONDONTWRITEBYTECODE = 1

help:
	@echo 'make run [APP=file.py] [PORT=8080] [TARGET=host|rp2040] [APP_PORT=80] [FLASH=file] [ROMFS=directory|image]'
	@echo '                run a program and serve it at http://127.0.0.1:PORT; Ctrl-C ends it'
	@echo 'make emulate [FLASH=file] [ROMFS=directory|image] [DRIVE=directory]'
	@echo "                the emulated board's REPL; Ctrl-] quits"
	@echo 'make firmware [BOARD=MODHTTP_PICO]'
	@echo '                build build/firmware/BOARD.uf2'
	@echo 'make dist [BOARDS=MODHTTP_PICO] [ROMFS=directory|image]'
	@echo '                build what is released: UF2s with the files of /rom, checksums, manifest.json, in dist/'
	@echo 'make release    make dist on a bare Debian 13, with the compiler of releases'
	@echo 'make romfs DIR=directory [DEPLOY=1] [DEVICE=/dev/ttyACM0]'
	@echo '                pack files for /rom into build/romfs.img, and bring them to a board'
	@echo 'make flash [BOARD=MODHTTP_PICO] [UF2=file] [DEVICE=/dev/ttyACM0] [DRIVE=directory]'
	@echo '                put the firmware on a board'
	@echo 'make deploy APP=file.py [FILES="file directory ..."] [DEVICE=/dev/ttyACM0] [SECONDS=5]'
	@echo '                put a program on a board as its main.py, and start it'
	@echo 'make repl [DEVICE=/dev/ttyACM0]'
	@echo "                a board's REPL; Ctrl-] quits"
	@echo 'make docs [SERVE=1] [PORT=8080]'
	@echo '                build the documentation into build/site, or serve it while it is written'
	@echo 'make test       run all tests'
	@echo 'make fuzz [SECONDS=60] [RUNS=number] [HARNESS=name]'
	@echo '                fuzz all harnesses, for so long or so many executions each'
	@echo 'make soak [MINUTES=60]'
	@echo '                a crowd of good and bad clients over a wire that loses packets'
	@echo 'make faults     make every allocation fail once'
	@echo 'make cycles     count what a request costs on the RP2040, in processor cycles'
	@echo 'make bench [PROGRAMS="floor route"] [SECONDS=3]'
	@echo '                all that can be counted or measured, ours and others, into docs/benchmarks.md'
	@echo '                and build/bench.json; PROGRAMS: only the cycles of these; SECONDS: of each run of wrk'
	@echo 'make parser     count what the request parser costs, beside others'
	@echo 'make pictures [NAMES="led clock"]'
	@echo '                take the pictures of docs/ anew, or some of docs/examples.md'
	@echo 'make clean      remove build/'

run:
	@exec $(PYTHON) tools/run.py run --app "$$APP" --target "$$TARGET" --port "$$PORT" --app-port "$$APP_PORT" --flash "$$FLASH" --romfs "$$ROMFS"

# make would die of the signal that ends a run, and so report a failure: see tools/patient.c.
ifneq ($(filter run,$(MAKECMDGOALS)),)
-load build/make/patient.so
build/make/patient.so: tools/patient.c
	@$(PYTHON) tools/need.py host
	@mkdir -p $(@D)
	@$(CC) -shared -fPIC -O2 -Wall -Wextra -Werror -o $@ $<
endif

emulate:
	@exec $(PYTHON) tools/run.py emulate --port "$$PORT" --app-port "$$APP_PORT" --flash "$$FLASH" --romfs "$$ROMFS" \
	    --drive "$$DRIVE"

firmware:
	@exec $(PYTHON) tools/build.py firmware "$$BOARD"

dist:
	@exec $(PYTHON) tools/dist.py --romfs "$$ROMFS" $(BOARDS)

release:
	@mkdir -p build
	@sh tools/bare.sh trixie sh -c 'python3 tools/dist.py >&2 && tar -cf - dist' >build/dist.tar
	@tar -xf build/dist.tar

romfs:
	@exec $(PYTHON) tools/romfs.py "$$DIR" --device "$$DEVICE" $(if $(DEPLOY),--deploy)

flash:
	@exec $(PYTHON) tools/flash.py --board "$$BOARD" --uf2 "$$UF2" --device "$$DEVICE" --drive "$$DRIVE"

deploy:
	@exec $(PYTHON) tools/deploy.py --device "$$DEVICE" $(if $(SECONDS),--seconds '$(SECONDS)') "$(if $(filter file,$(origin APP)),,$$APP)" $(FILES)

repl:
	@exec $(PYTHON) tools/repl.py --device "$$DEVICE"

docs:
	@exec $(PYTHON) tools/docs.py $(if $(SERVE),--serve --port '$(PORT)')

test:
	@exec $(PYTHON) tools/test.py

fuzz:
	@exec $(PYTHON) tools/fuzz.py --seconds '$(SECONDS)' --runs '$(RUNS)' $(HARNESS)

soak:
	@exec $(PYTHON) tools/soak.py --minutes '$(MINUTES)'

faults:
	@MODHTTP_FAULTS_ALL=1 exec $(PYTHON) tools/test.py tests/host/test_faults.py -s --timeout 0

cycles:
	@exec $(PYTHON) tools/run.py cycles

bench:
	@exec $(PYTHON) bench/bench.py --seconds '$(or $(SECONDS),3)' $(PROGRAMS)

parser:
	@exec $(PYTHON) bench/parser.py

pictures:
	@$(PYTHON) tools/need.py pictures
	@python=$$($(PYTHON) tools/need.py --print python) && $$python tools/example_pictures.py $(NAMES) && \
		if [ -z '$(NAMES)' ]; then exec $$python tools/dashboard_pictures.py; fi

clean:
	@rm -rf build

.PHONY: help run emulate firmware dist release romfs flash deploy repl docs test fuzz soak faults cycles bench parser pictures clean
