"""The boards whose drivers Debian does not have: what is said of them, how they are configured, and that all files of
ours compile with their options. `make firmware` links them where MICROPYTHON_DIR names an upstream checkout."""

import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import checkout
import pytest

import budget
import build
import common
import emulated
import target as targets
import typed

ROOT = build.ROOT
DRIVERS = {"MODHTTP_PICO_W": "lib/cyw43-driver", "MODHTTP_PICO_W-FAST": "lib/cyw43-driver",
           "MODHTTP_W5500_EVB_PICO": "lib/wiznet5k"}
HEADERS = ["qstrdefs.generated.h", "moduledefs.h", "root_pointers.h", "pins.h", "mpversion.h"]

# Bytes of RAM that lwIP's pools and heap take: said in docs/boards.md.
POOLS = {"MODHTTP_PICO_W": 43_986, "MODHTTP_PICO_W-FAST": 54_546, "MODHTTP_W5500_EVB_PICO": 43_986}


def refusal_of(board, tree=None):
    line = typed.refusal("-s", "firmware", f"BOARD={board}", MICROPYTHON_DIR=tree)
    assert line.startswith("modhttp: ")
    return line


def test_every_board_is_here():
    assert build.boards() == sorted(["MODHTTP_PICO", *DRIVERS])


@pytest.mark.parametrize("board", DRIVERS)
def test_without_a_checkout_one_line_says_so(board):
    line = refusal_of(board)
    assert DRIVERS[board] in line
    assert "set MICROPYTHON_DIR to a MicroPython 1.25.0 checkout with its submodules" in line


@pytest.mark.parametrize("board", DRIVERS)
def test_a_checkout_without_the_driver(board, tree):
    line = refusal_of(board, str(tree))
    assert f"run 'git submodule update --init {DRIVERS[board]}' there" in line


class Configured:
    """A board as CMake sees it."""

    def __init__(self, tree, board, directory):
        environment = os.environ | {"CMAKE_EXPORT_COMPILE_COMMANDS": "1"}
        done = subprocess.run(["sh", ROOT / "tools/build_firmware.sh", tree, board, directory, "configure"],
                              env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self.directory = directory / "firmware" / f"obj-{board}"
        commands = json.loads((self.directory / "compile_commands.json").read_text())
        self.commands = {entry["file"]: shlex.split(entry["command"]) for entry in commands}

    def generate_headers(self):
        mpy_cross = common.cache_directory() / "mpy-cross-v1.25.0/mpy-cross"
        environment = {"MICROPY_MPYCROSS": str(mpy_cross)} | os.environ
        done = subprocess.run(["ninja", "-C", self.directory, *(f"genhdr/{name}" for name in HEADERS)],
                              env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]

    def files(self, pattern):
        return [name for name in self.commands if re.search(pattern, name)]

    def compile(self, file, *more):
        """Returns the object, or fails with what the compiler said."""
        words = self.commands[file]
        product = self.directory / words[words.index("-o") + 1]
        product.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([*words, *more], cwd=self.directory, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{file}: {done.stderr}"
        return product

    def hold(self, conditions):
        """Fails unless the compiler finds them true where it compiles ours."""
        file = self.files("/modhttp/net/mdns.c$")[0]
        probe = self.directory / "probe.c"
        probe.write_text('#include "lwip/opt.h"\n#include "net/names.h"\n#include "hardware/clocks.h"\n'
                         + "".join(f'_Static_assert({condition}, "");\n' for condition in conditions))
        words = [str(probe) if word == file else word for word in self.commands[file]]
        done = subprocess.run(words, cwd=self.directory, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def upstream(tree, tmp_path_factory):
    """A tree that has the drivers' names."""
    return checkout.add_drivers(checkout.link(tree, tmp_path_factory.mktemp("upstream") / "micropython"))


@pytest.fixture(scope="module")
def configured(upstream, tmp_path_factory):
    boards = {}

    def configure(board):
        if board not in boards:
            boards[board] = Configured(upstream, board, tmp_path_factory.mktemp(board))
        return boards[board]

    return configure


def bytes_of_bss(file):
    table = subprocess.check_output(["arm-none-eabi-size", file], text=True)
    return int(table.splitlines()[1].split()[2])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("board", DRIVERS)
def test_all_of_ours_compiles(board, configured):
    it = configured(board)
    ours = it.files(f"^{re.escape(str(ROOT))}/modhttp/")
    rooms = {str(Path(name).relative_to(ROOT).parent) for name in ours}
    assert rooms == {"modhttp/core", "modhttp/net", "modhttp/py", "modhttp/port", "modhttp/port/rp2"}
    assert any(name.endswith("/wiznet.c") for name in ours) == ("W5500" in board)
    if "-" in board:  # its board but for sizes
        ours = [name for name in ours if "/modhttp/net/" in name]
    else:
        it.generate_headers()
    files = ours + it.files(r"/lib/lwip/src/(core/[^/]+|core/ipv4/.*|apps/mdns/.*)\.c$")  # which checks sizes itself
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = dict(zip((Path(name).name for name in files), pool.map(it.compile, files), strict=True))
    assert bytes_of_bss(objects["mem.c"]) + bytes_of_bss(objects["memp.c"]) == POOLS[board]


SHARED = ["LWIP_IGMP", "LWIP_MDNS_RESPONDER", "MODHTTP_MDNS", "MICROPY_VFS_ROM", "MICROPY_HW_ROMFS_BYTES == 256 * 1024",
          "MICROPY_HW_FLASH_STORAGE_BYTES == 768 * 1024", "TCP_WND == 8 * TCP_MSS", "TCP_SND_BUF == 8 * TCP_MSS"]
W5500 = ["MICROPY_HW_WIZNET_PIN_INTN == 21",  # the interrupt line: else packets wait for a timer
         "PICO_CLOCK_ADJUST_PERI_CLOCK_WITH_SYS_CLOCK",
         "SYS_CLK_HZ == 4 * MICROPY_HW_WIZNET_SPI_BAUDRATE", "MICROPY_HW_WIZNET_SPI_BAUDRATE <= 33300000"]
OWN = {
    "MODHTTP_PICO_W": ["TCP_MSS == 800", "CYW43_LWIP", "MICROPY_HW_PIN_EXT_COUNT == 3"],
    "MODHTTP_PICO_W-FAST": ["TCP_MSS == 1460", "CYW43_LWIP"],
    "MODHTTP_W5500_EVB_PICO": ["TCP_MSS == 800", *W5500],
}


@pytest.mark.parametrize("board", DRIVERS)
def test_options(board, configured):
    it = configured(board)
    it.hold(SHARED + OWN[board])
    with pytest.raises(AssertionError, match="static assertion failed"):
        it.hold(["TCP_MSS == 536"])


def test_multicast_dns_has_the_stack_that_it_needs(firmware):
    """In the Pico's firmware it is linked, though never run. What the drivers take comes on top."""
    elf = firmware.with_suffix(".elf")
    room = budget.stack_reserve("MODHTTP_PICO_W") - 512
    command = [sys.executable, budget.STACK_DEPTH, elf, elf.parent / "obj-MODHTTP_PICO", "--mdns", "--limit", str(room)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


RATES = """
import machine
print(machine.SPI(0, 20_000_000))
machine.freq(125_000_000, 125_000_000)
print(machine.SPI(0, 31_250_000))
"""


def test_spi_makes_the_rate_that_is_asked_for():
    """With the clock that the W5500's board gives it; with the usual one it makes less."""
    targets.prepare("rp2040")
    with emulated.Board() as board:
        assert re.findall(r"baudrate=(\d+)", board.exec(RATES).stdout) == ["12000000", "31250000"]


def test_the_drivers_names_are_wrapped(configured):
    """Ours take their place only if the linker is told."""
    ninja = (configured("MODHTTP_W5500_EVB_PICO").directory / "build.ninja").read_text()
    wraps = re.findall(r"__wrap_(\w+)\(void\) {|__wrap_(\w+)\(intr_kind intr\) {",
                       (ROOT / "modhttp/port/rp2/wiznet.c").read_text())
    assert len(wraps) == 2
    assert all(f"-Wl,--wrap={one or other} " in ninja for one, other in wraps)


def test_a_packet_between_the_last_look_and_the_clearing_is_fetched(tmp_path):
    """modhttp/port/rp2/wiznet.c with a model of chip and driver, on this machine."""
    program = tmp_path / "wiznet"
    here = Path(__file__).resolve().parent
    sources = [here / "wiznet/model.c", ROOT / "modhttp/port/rp2/wiznet.c"]
    subprocess.run(["cc", "-std=gnu99", "-Wall", "-Wextra", "-Werror", f"-I{here}/wiznet", "-o", program, *sources],
                   check=True)
    subprocess.run([program], check=True)
