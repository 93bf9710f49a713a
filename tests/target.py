"""A program running on a target, as a test sees it: its URL, its console, connections to it, its end."""

import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools"))

import board_flash  # noqa: E402
import build  # noqa: E402
import romfs as packer  # noqa: E402

TARGETS = ("host", "sanitized", "rp2040")

# Seconds until a test gives up on something that should come soon. The emulated board runs at about a third of a real
# one's pace, on a machine that other things run on.
PATIENCE = {"host": 20, "clang": 20, "sanitized": 40, "rp2040": 60}

Answer = namedtuple("Answer", "status headers body")


# Host builds that no user has: build_host.sh's setting, and the directory under build/.
BUILDS = {"sanitized": ("SANITIZE=1", "host-sanitize"), "clang": ("CC=clang", "host-clang")}


def prepare(target):
    """Build what the target needs, before the clock of any test runs."""
    if target in BUILDS:
        setting, directory = BUILDS[target]
        build.host(setting, directory=directory)
    elif target == "host":
        build.host()
    else:
        build.firmware()
        build.bootrom()
        build.slipgate()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def command(target, app, port, app_port, flash=None, image=None):
    """The command, and what it adds to the environment. As a user runs it, but for the build that no user has."""
    if target in BUILDS:
        environment = {"MODHTTP_FORWARD": f"{port}:{app_port}"} | ({"MODHTTP_ROMFS": str(image)} if image else {})
        return [build.BUILD / BUILDS[target][1] / "modhttp", app], environment
    words = [sys.executable, ROOT / "tools/run.py", "run", "--app", app, "--target", target]
    words += ["--port", str(port), "--app-port", str(app_port)]
    return words + (["--flash", flash] if flash else []) + (["--romfs", image] if image else []), {}


def at_once(count, function):
    """Call it so many times at the same time. Returns the results."""
    with ThreadPoolExecutor(count) as pool:
        calls = [pool.submit(function) for _ in range(count)]
        return [call.result() for call in calls]


def write_files(files, directory):
    for name, data in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)


def image_of(files, directory):
    """A ROMFS image of just these files, with no others made of them. Returns its path, which is in `directory`."""
    image = directory / "rom.img"
    with tempfile.TemporaryDirectory() as staged:
        write_files(files, Path(staged))
        packer.write_image(Path(staged), image)
    return image


def provide(target, files, directory):
    """Put files beside a program, or on the board. Returns the board's flash, which keeps them from run to run."""
    flash = directory / "flash.bin"
    if target != "rp2040":
        write_files(files, directory)
        return None
    if not flash.exists():
        flash.write_bytes(board_flash.image(files))
    return flash


class Program:
    """A program on a target. `source` is a file, or the program's text, which is then kept in `directory`.

    With `files`, {name: bytes}, it finds these in its working directory, and may write there: what is there stays for
    the next program with `files` in the same `directory`. With `romfs`, {name: bytes}, it finds these below /rom.
    """

    def __init__(self, target, source, directory, app_port=80, wait=True, environment=(), files=None, romfs=None,
                 port=None):
        self.target = target
        self.patience = PATIENCE[target]
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        app, flash = source, None
        if files is not None or not isinstance(source, Path):
            app = directory / "program.py"
            app.write_text(source.read_text() if isinstance(source, Path) else source)
        if files is not None:
            flash = provide(target, files, directory)
        image = image_of(romfs, directory) if romfs is not None else None
        words, forward = command(target, app, self.port, app_port, flash, image)
        # A session of its own: what a test sends to its process group reaches nothing else.
        self.process = subprocess.Popen(words, env=os.environ | forward | dict(environment), start_new_session=True,
                                        cwd=app.parent if target in BUILDS else None,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.console = ""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait:
            self._wait_for_url()

    def _wait_for_url(self):
        try:
            self.wait_for(f"modhttp: {self.url}\n")
        except BaseException:
            self.stop()  # nobody else can
            raise

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self._changed:
                self.console += data.decode(errors="replace").replace("\r\n", "\n")
                self._changed.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    def wait_for(self, text):
        """Wait until the console has shown `text`."""
        def there():
            return text in self.console or self.process.poll() is not None

        waited = 0  # in waits that were for nothing: no clock is to be trusted here, and a program may say much
        with self._changed:
            while not there():
                if not self._changed.wait(0.2):
                    waited += 0.2
                    assert waited < self.patience, f"no {text!r} in {self.console!r}"
        self._reader.join(0.2 if self.process.poll() is None else self.patience)
        assert text in self.console, self.console

    def finish(self):
        """Wait for the program to end by itself. Returns the exit status."""
        status = self.process.wait(self.patience)
        self._reader.join(self.patience)
        return status

    def stop(self):
        """End it as `make run`'s user would. Returns the exit status, and finds what a sanitizer or lwIP has said."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        status = self.finish()
        for sign in ("Sanitizer", "runtime error:", "lwIP assertion", "emulator: the board"):
            assert sign not in self.console, self.console
        return status

    # ---- talking to it

    def client(self, **options):
        return httpx.Client(base_url=self.url, timeout=self.patience, trust_env=False, **options)

    def wire(self, buffer=None):
        return Wire(self.port, self.patience, buffer)

    def get(self, path):
        return httpx.get(self.url + path, timeout=self.patience, trust_env=False)

    def exchange(self, data):
        """Send bytes on a connection of their own. Returns all that comes back until the server ends it."""
        with self.wire() as wire:
            wire.send(data)
            return wire.rest()


class _Open(io.BufferedReader):
    """What http.client closes after each answer stays open."""

    def close(self):
        pass


class Wire:
    """A connection of raw bytes, with answers read off it one by one. `buffer`: bytes that wait on this side, about."""

    def __init__(self, port, patience, buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(patience)
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)     # before it tells of its window
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = _Open(socket.SocketIO(self.socket, "r"))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def makefile(self, mode):
        return self._file

    def send(self, data):
        self.socket.sendall(data)

    def get(self, path, fields="", version="1.1", method="GET"):
        self.send(f"{method} {path} HTTP/{version}\r\nHost: test\r\n{fields}\r\n".encode())

    def answer(self, method="GET"):
        """The next answer, whole."""
        response = http.client.HTTPResponse(self, method=method)
        response.begin()
        return Answer(response.status, response.headers, response.read())

    def read_until(self, text, times=1):
        """What comes until `text` has come so many times; more may be behind it."""
        got = b""
        while got.count(text) < times:
            data = self.socket.recv(1000)
            assert data, f"no {text!r} in {got!r}"
            got += data
        return got

    def rest(self):
        """Everything up to the end of the connection."""
        try:
            return self._file.read()
        except ConnectionResetError:
            raise AssertionError("the connection was reset before its end") from None

    def is_over(self):
        """Whether the server has ended the connection, in whichever way."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def end(self):
        """Half-close: no more to send."""
        self.socket.shutdown(socket.SHUT_WR)

    def vanish(self):
        """RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()
