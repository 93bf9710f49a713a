"""`make flash`, `make deploy`, `make repl` and `make romfs DEPLOY=1`, with the emulated board on the serial port."""

import os
import pty
import struct
import subprocess
import time
from pathlib import Path

import httpx
import pytest

import build
import dist
import emulated
import target as targets
from terminal import Terminal
from typed import make

ROOT = Path(__file__).resolve().parents[2]

APP = """
import modhttp
from util import word

print("word is", word)
app = modhttp.Server()

@app.get("/")
def index(request):
    return word + open("/www/page.txt").read()

app.run(port=80)
"""


def refusal(*words):
    """The last line but make's, when it cannot: others say what was built or copied before."""
    done = make(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return [line for line in done.stderr.splitlines() if not line.startswith("make: ")][-1]


class EmulatedBoard:
    """`make emulate`, left running: what the commands take for a board that is plugged in."""

    def __init__(self, directory):
        self.drive = directory / "RPI-RP2"
        self.drive.mkdir()
        self.port = targets.free_port()
        words = ["make", "emulate", f"PORT={self.port}", f"DRIVE={self.drive}", f"FLASH={directory / 'flash.bin'}"]
        self.terminal = Terminal(words, cwd=ROOT, env=build.environment())
        self.device = self.terminal.expect(r"USB serial port: (/dev/\S+);")[1]
        self.terminal.expect(">>> ")

    def mpremote(self, *words):
        command = [emulated.place("python"), "-m", "mpremote", "connect", self.device, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    def get(self, path):
        """What its server answers, once there is one."""
        for _ in range(100):
            try:
                return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=20, trust_env=False).text
            except httpx.TransportError:
                time.sleep(0.3)
        raise AssertionError("nothing answers")


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    targets.prepare("rp2040")
    board = EmulatedBoard(tmp_path_factory.mktemp("board"))
    yield board
    board.terminal.close()


@pytest.fixture
def program(tmp_path):
    """A program, in a directory with a space in its name, and what it needs beside it."""
    place = tmp_path / "my program"
    (place / "www").mkdir(parents=True)
    (place / "www/page.txt").write_text(" on a page")
    (place / "lib").mkdir()
    (place / "lib/util.py").write_text("word = 'found'\n")
    (place / "app.py").write_text(APP)
    return place


def deploy(board, place):
    files = f"FILES='{place}/www' '{place}/lib/util.py'"
    return make("deploy", f"APP={place}/app.py", files, f"DEVICE={board.device}")


def test_deploy_copies_and_starts(board, program):
    done = deploy(board, program)
    assert (done.returncode, done.stdout) == (0, "word is found\n"), done.stderr
    assert done.stderr.splitlines() == [
        f"modhttp: copying {program}/app.py as main.py, lib/util.py, www/page.txt to the board at {board.device}",
        "modhttp: the board starts it; it prints:",
        "modhttp: main.py runs; make repl shows what else it prints",
    ]
    assert board.get("/") == "found on a page"
    (program / "www/page.txt").write_text(" on another")
    assert deploy(board, program).returncode == 0
    assert board.get("/") == "found on another"


def test_deploy_shows_what_a_program_raises(board, tmp_path):
    app = tmp_path / "broken.py"
    app.write_text("print('about to')\nraise ValueError('on purpose')\n")
    done = make("deploy", f"APP={app}", f"DEVICE={board.device}")
    assert done.returncode == 2
    assert done.stdout.startswith("about to\nTraceback (most recent call last):\n")
    assert "\nValueError: on purpose\n" in done.stdout
    assert "modhttp: main.py raised an exception, see above: mend it and deploy it again\n" in done.stderr


def test_deploy_of_a_program_that_ends(board, tmp_path):
    app = tmp_path / "brief.py"
    app.write_text("print('that was all')\n")
    done = make("deploy", f"APP={app}", f"DEVICE={board.device}", "SECONDS=30")
    assert done.returncode == 0
    assert done.stdout.startswith("that was all\n")
    assert done.stderr.endswith("modhttp: main.py has ended; what it started in the background goes on\n")


def test_romfs_is_deployed(board, tmp_path):
    (tmp_path / "logo.svg").write_text("<svg/>" * 1000)
    done = make("romfs", f"DIR={tmp_path}", f"DEVICE={board.device}")
    assert (done.returncode, done.stderr.splitlines()) == (0, [
        f"modhttp: writing it to the board at {board.device}",
        "modhttp: it is at /rom, and the board starts again",
    ])
    board.terminal.expect("the board was reset")
    program = "import os; print(os.listdir('/rom'), len(memoryview(open('/rom/logo.svg', 'rb'))))"
    assert board.mpremote("exec", program) == "['logo.svg', 'logo.svg.gz'] 6000\n"


def press_enter_for_a_prompt(terminal):
    """mpremote takes the terminal over a moment after it has said that it does."""
    for _ in range(60):
        terminal.type("\r")
        try:
            return terminal.expect(">>> $", patience=1)
        except AssertionError:
            pass
    raise AssertionError(f"no prompt but {terminal.seen!r}")


def test_repl(board):
    terminal = Terminal(["make", "repl", f"DEVICE={board.device}"], cwd=ROOT, env=build.environment())
    try:
        terminal.expect("to exit this shell")
        press_enter_for_a_prompt(terminal)
        terminal.type("6 * 7\r")
        terminal.expect("\r\n42\r\n>>> ")
        assert refusal("deploy", "APP=examples/hello.py", f"DEVICE={board.device}") == (
            f"modhttp: {board.device} is in use by another program: end the REPL or serial monitor that has it open")
        terminal.type("\x1d")
        assert terminal.process.wait(60) == 0
    finally:
        terminal.close()


def renamed(uf2, to):
    """A copy of a firmware which tells another board's name, so that it can be told from the one that was there."""
    blocks = [bytearray(block) for block in struct.iter_unpack("512s", uf2.read_bytes()) for block in block]
    image = b"".join(bytes(block[32:288]) for block in blocks)
    name = f"modhttp {dist.version()} on Raspberry Pi Pico".encode()
    assert image.count(name) == 1
    image = image.replace(name, to.encode().ljust(len(name)))
    for number, block in enumerate(blocks):
        block[32:288] = image[256 * number:256 * number + 256]
    return b"".join(blocks)


def test_flash_through_the_bootloader(board, program, tmp_path):
    """And main.py, which it leaves where it is, runs again."""
    assert deploy(board, program).returncode == 0
    uf2 = tmp_path / "other.uf2"
    uf2.write_bytes(renamed(emulated.FIRMWARE, "another board"))
    done = make("flash", f"UF2={uf2}", f"DEVICE={board.device}", f"DRIVE={board.drive}")
    assert done.stderr.splitlines() == [
        f"modhttp: the board at {board.device} enters its bootloader",
        f"modhttp: copying {uf2} to {board.drive}",
        "modhttp: waiting for its REPL",
    ]
    assert done.returncode == 0
    assert done.stdout.startswith(f"modhttp: the board at {board.device} runs modhttp 0.")
    assert " on MicroPython v1.25.0 " in done.stdout
    assert "; another board " in done.stdout
    board.terminal.expect("other.uf2 was flashed")
    assert board.get("/") == "found on a page"


def test_flash_of_a_board_in_bootsel_mode(board):
    board.mpremote("bootloader")
    board.terminal.expect("the board is in BOOTSEL mode")
    unfinished = board.drive / "unfinished.uf2"
    unfinished.write_bytes(emulated.FIRMWARE.read_bytes()[:-512])
    time.sleep(0.5)
    assert (board.drive / "INFO_UF2.TXT").exists()
    unfinished.unlink()
    done = make("flash", f"UF2={emulated.FIRMWARE}", f"DEVICE={board.device}", f"DRIVE={board.drive}")
    assert done.stderr.splitlines() == [
        f"modhttp: copying build/firmware/MODHTTP_PICO.uf2 to {board.drive}",
        "modhttp: waiting for its REPL",
    ]
    assert f"; modhttp {dist.version()} on Raspberry Pi Pico with RP2040" in done.stdout


def test_a_port_where_nothing_answers(tmp_path):
    master, slave = pty.openpty()
    path = tmp_path / "ttyACM0"     # under its own name mpremote would wait for it for ever
    path.symlink_to(os.ttyname(slave))
    try:
        assert refusal("deploy", "APP=examples/hello.py", f"DEVICE={path}") == (
            f"modhttp: no MicroPython answers at {path}: plug the board in again and try again, "
            "or, with BOOTSEL held, make flash")
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(("words", "message"), [
    (["repl", "DEVICE=/dev/nowhere"], "DEVICE=/dev/nowhere is not there: "),
    (["repl", "DEVICE=Makefile"], "DEVICE=Makefile is not a serial port: it is called /dev/ttyACM0 or alike"),
    (["repl", "DEVICE=/dev/null"], "a REPL needs a terminal: run make repl in one"),
    (["deploy"], "APP is not a file: APP= names the program to deploy"),
    (["deploy", "APP=nowhere.py"], "nowhere.py is not a file: APP= names the program to deploy"),
    (["deploy", "APP=examples/hello.py", "FILES=nowhere", "DEVICE=/dev/null"],
     "nowhere is not there: FILES= names files and directories that the program needs"),
    (["flash", "UF2=nowhere.uf2"], "nowhere.uf2 is not a file: UF2= names the firmware"),
    (["flash", "UF2=Makefile"], "Makefile is not a whole UF2 file: make firmware builds one"),
    (["romfs", "DIR=examples", "DEVICE=/dev/nowhere"], "DEVICE=/dev/nowhere is not there: "),
    (["emulate", "DRIVE=nowhere"], "nowhere is not a directory: DRIVE= names one, for the board's BOOTSEL mode"),
])
def test_mistakes_are_one_clear_line(words, message):
    assert refusal(*words).startswith(f"modhttp: {message}")
