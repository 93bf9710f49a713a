"""The emulator's commands as a user runs them: `run` and `repl`, on the wall clock."""

import functools
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zlib

import pytest

import emulated
import target as targets
from terminal import Terminal

PATIENCE = 60  # seconds, on a machine that other things run on


def command(*words):
    node = os.environ.get("MODHTTP_NODE") or emulated.place("node")
    options = ["--uf2", emulated.FIRMWARE, "--rom", emulated.BOOT_ROM]
    return [str(word) for word in (node, emulated.ROOT / "emulator/emulator.mjs", words[0], *options, *words[1:])]


def environment():
    return {"MODHTTP_NODE_MODULES": emulated.place("node_modules"), **os.environ}


def start(*words, **options):
    return subprocess.Popen(command(*words), env=environment(), **options)


@pytest.fixture
def run(tmp_path):
    """run(source, stdin="") → (status, stdout, stderr) of a program on the board."""

    def run_program(source, stdin=""):
        app = tmp_path / "app.py"
        app.write_text(source)
        done = subprocess.run(command("run", "--app", app), env=environment(), input=stdin, capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        return done.returncode, done.stdout, done.stderr.replace(str(app), "app.py")

    return run_program


def test_program_that_ends(run):
    assert run("print('hello')\nprint(1 / 4)") == (0, "hello\n0.25\n", "")


def test_program_that_exits(run):
    assert run("import sys\nprint('bye')\nsys.exit()") == (0, "bye\n", "")


def test_program_that_raises(run):
    status, stdout, stderr = run("print('before')\ndef f():\n    raise ValueError('boo')\nf()")
    assert (status, stdout) == (1, "before\n")
    assert stderr.splitlines() == [
        "Traceback (most recent call last):",
        '  File "app.py", line 4, in <module>',
        '  File "app.py", line 3, in f',
        "ValueError: boo",
    ]


def test_program_reads_standard_input(run):
    status, stdout, _ = run("print('hello', input())", stdin="you\n")
    assert status == 0 and stdout.endswith("hello you\n")


def test_program_that_resets_the_board(run):
    status, _, stderr = run("import machine\nmachine.reset()")
    assert (status, stderr) == (1, "emulator: the program reset the board\n")


def test_program_has_a_writable_directory(run):
    assert run("with open('x', 'w') as f: f.write('abc')\nprint(open('x').read())") == (0, "abc\n", "")


def test_time_keeps_to_the_wall_clock(run):
    before = time.monotonic()
    status, stdout, _ = run("import time\nstart = time.ticks_ms()\ntime.sleep(1.5)\n"
                            "print(time.ticks_diff(time.ticks_ms(), start))")
    assert status == 0 and 1500 <= int(stdout) < 1600
    assert time.monotonic() - before >= 1.5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_run_and_its_gateway(tmp_path, number):
    app, told = tmp_path / "app.py", tmp_path / "gateway"
    app.write_text("print('up')\nwhile True: pass")
    tell = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(99)"
    gateway = [sys.executable, "-c", tell]
    process = start("run", "--app", app, "--gateway", *gateway, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0
    process.stdout.close()
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(int(told.read_text()), 0)
            time.sleep(0.1)


def test_gateway_that_fails_ends_the_run(tmp_path):
    app = tmp_path / "app.py"
    app.write_text("while True: pass")
    done = subprocess.run(command("run", "--app", app, "--gateway", "false"), env=environment(), timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "emulator: false ended with status 1\n")


def test_cycles_are_the_same_twice(tmp_path):
    programs = [emulated.ROOT / "bench/cycles" / name for name in ("floor_route.py", "route.py")]

    def count(file):
        done = subprocess.run(command("cycles", "--json", tmp_path / file, *programs), env=environment(),
                              capture_output=True, text=True, timeout=PATIENCE, check=True)
        return done.stdout, json.loads((tmp_path / file).read_text())

    first, second = count("first.json"), count("second.json")
    assert first == second
    floor, route = (first[1][f"{program}.curl.cycles"] for program in ("floor_route", "route"))
    assert 1000 < floor < route < 100_000


@pytest.fixture
def terminal():
    terminal = Terminal(command("repl"), env=environment())
    yield terminal
    terminal.close()


def test_repl_on_the_terminal(terminal):
    terminal.expect(">>> ")
    terminal.type("6 * 7\r")
    terminal.expect("\r\n42\r\n>>> ")
    terminal.type("while True: pass\r\r")
    terminal.expect(r"\.\.\. ")
    terminal.type("\x03")
    terminal.expect("KeyboardInterrupt")
    terminal.type("\x04")
    terminal.expect("soft reboot")
    terminal.expect(">>> ")
    terminal.type("\x1d")
    assert terminal.process.wait(PATIENCE) == 0


@pytest.fixture
def mpremote(terminal):
    """mpremote(*words) runs it on the terminal's pty, and returns what it has printed."""
    path = terminal.expect(r"USB serial port: (/dev/\S+);")[1]
    terminal.expect(">>> ")

    def run(*words):
        whole = [sys.executable, "-m", "mpremote", "connect", path, *words]
        return subprocess.run(whole, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout

    return run


def test_mpremote_on_the_pty(terminal, mpremote, tmp_path):
    assert mpremote("exec", "print(6 * 7)") == "42\n"
    note = tmp_path / "note.txt"
    note.write_text("x" * 3000)
    mpremote("fs", "cp", str(note), ":note.txt")
    assert re.search(r"3000 note\.txt", mpremote("fs", "ls"))
    terminal.type("\r1 + 1\r")
    terminal.expect("\r\n2\r\n>>> ")


def test_mpremote_deploys_to_rom(mpremote, tmp_path):
    data = bytes(range(256)) * 30
    image = targets.image_of({"css/site.css": b"h1 {}", "data.bin": data}, tmp_path)
    mpremote("romfs", "deploy", str(image))
    assert mpremote("exec", "print(open('/rom/css/site.css').read())") == "h1 {}\n"
    program = "import binascii; print(binascii.crc32(open('/rom/data.bin', 'rb').read()))"
    assert mpremote("exec", program) == f"{zlib.crc32(data)}\n"


def test_mip_installs_the_python_layer(mpremote):
    mpremote("mip", "install", str(emulated.ROOT / "package.json"))
    program = (
        "import sys; sys.path.insert(0, '/lib'); import modhttp; from modhttp.auth import Basic; "
        "app = modhttp.Server(); app.protect('/', Basic({'me': 'x'})); app.get('/')(lambda request: 'hello'); "
        "app.start(port=80); print(modhttp.__file__, app.port); app.stop()")
    assert mpremote("exec", program) == "/lib/modhttp/__init__.py 80\n"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def repository():
    """The URL of this repository's files, as a hoster of public repositories would give them."""
    handler = functools.partial(Quiet, directory=emulated.ROOT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_mip_installs_each_drop_in(mpremote, repository):
    names = sorted(path.stem for path in (emulated.ROOT / "python").glob("*.json"))
    mpremote("mip", "install", *(f"{repository}/python/{name}.json" for name in names))
    modules = [{"circuitpython": "socketpool", "experimental": "experimental.http_server"}.get(name, name)
               for name in names]
    program = (f"import sys; sys.path.insert(0, '/lib')\n"
               f"for name in {modules}: print(__import__(name, None, None, ('x',)).__file__)")
    places = mpremote("exec", program).splitlines()
    assert len(places) == len(modules) > 5
    assert all(place.startswith(f"/lib/{name.replace('.', '/')}") for name, place in zip(modules, places, strict=True))
