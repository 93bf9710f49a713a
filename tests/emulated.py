"""The emulated board for tests: a client of `emulator.mjs script`, in virtual time. Standard library only.

    with emulated.Board() as board:
        assert board.exec("print(1 + 1)").stdout == "2\r\n"
        connection = board.connect(80)
        connection.send(b"GET / HTTP/1.0\r\n\r\n")
        answer = connection.recv()

What each request does is told at the head of emulator/script.mjs. Nothing depends on the wall clock: the same
requests give the same answers, to the cycle.
"""

import json
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "build/firmware/MODHTTP_PICO.uf2"
BOOT_ROM = ROOT / "build/emulator/bootrom.bin"

Result = namedtuple("Result", "stdout stderr ended")


class EmulatorError(Exception):
    """What the emulator answered instead of doing what was asked."""


def place(what):
    """Where tools/need.py keeps node or its modules."""
    command = [sys.executable, ROOT / "tools/need.py", "--print", what]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Board:
    def __init__(self, uf2=FIRMWARE, flash=None, seed=1, rom=BOOT_ROM, romfs=None, randombit="seeded"):
        environment = dict(os.environ)
        node = environment.get("MODHTTP_NODE") or place("node")
        if "MODHTTP_NODE_MODULES" not in environment:
            environment["MODHTTP_NODE_MODULES"] = place("node_modules")
        command = [node, ROOT / "emulator/emulator.mjs", "script", "--uf2", uf2, "--rom", rom, "--seed", seed]
        command += ["--randombit", randombit]
        if flash is not None:
            command += ["--flash", flash]
        if romfs is not None:
            command += ["--romfs", romfs]
        self.process = subprocess.Popen([str(word) for word in command], env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, encoding="utf-8")
        self.now = 0.0  # the board's time in milliseconds since its first boot
        self.ask("boot")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Ends the emulator; the flash file, if there is one, is written."""
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def ask(self, what, **arguments):
        """One request of emulator/script.mjs. Returns its answer, raises EmulatorError."""
        self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise EmulatorError(f"the emulator ended with status {self.process.wait(30)}")
        answer = json.loads(line)
        self.now = answer.pop("now")
        if "error" in answer:
            raise EmulatorError(answer["error"])
        return answer

    # ---- programs

    def exec(self, program, ms=10_000):
        """Runs a program in the raw REPL to its end."""
        return Result(**self.ask("exec", program=program, ms=ms))

    def start(self, program, ms=10_000):
        """Starts a program in the raw REPL and leaves it running."""
        return Result(**self.ask("exec", program=program, wait=False, ms=ms))

    def output(self):
        """What the program printed so far."""
        return Result(**self.ask("output"))

    def wait(self, ms=10_000):
        return Result(**self.ask("wait", ms=ms))

    def interrupt(self, ms=10_000):
        """Ctrl-C, and what the program said to it."""
        return Result(**self.ask("interrupt", ms=ms))

    # ---- the serial port outside of exec()

    def type(self, text):
        self.ask("type", text=text)

    def expect(self, text, ms=10_000):
        """Everything that the board printed, up to and with `text`."""
        return self.ask("expect", text=text, ms=ms)["text"]

    # ---- time and power

    def run(self, ms):
        self.ask("run", ms=ms)

    def reset(self):
        self.ask("reset")

    # ---- the network

    def connect(self, port, window=65535, ms=10_000):
        """A TCP connection; `state` is open, reset, or opening if no answer came in time."""
        return Connection(self, **self.ask("connect", port=port, window=window, ms=ms))

    def packet(self, data):
        """Puts a raw IP packet on the line."""
        self.ask("packet", data=data.decode("latin-1"))

    def sniff(self):
        """Keep the packets that the board sends from now on, for packet_from()."""
        self.ask("sniff")

    def packet_from(self, ms=10_000):
        """The next packet that the board sent or sends, and when its last byte had come; None, None: none in time."""
        answer = self.ask("packet_from", ms=ms)
        return answer["at"], answer["data"] and answer["data"].encode("latin-1")

    def get(self, path="/", port=80, ms=10_000):
        """A GET with Connection: close. Returns the whole answer, head and body, as bytes."""
        connection = self.connect(port, ms=ms)
        if connection.state != "open":
            raise EmulatorError(f"no connection to port {port}: {connection.state}")
        connection.send(f"GET {path} HTTP/1.1\r\nHost: 192.168.7.2\r\nConnection: close\r\n\r\n".encode())
        answer = connection.recv(ms=ms)
        connection.close(ms=ms)
        return answer

    # ---- measures

    def stats(self):
        return self.ask("stats")

    def profile(self, on=True):
        """Starts counting cycles; on=False ends it and returns {function: cycles}."""
        return self.ask("profile", on=on).get("symbols")

    def calls(self, *names):
        """Starts counting how often functions are called; without names ends it and returns {name: number}."""
        return self.ask("calls", names=names or None).get("calls")


class Connection:
    def __init__(self, board, connection, state):
        self.board = board
        self.number = connection
        self.state = state  # open, reset or opening
        self.finished = False  # the board has ended its side

    def ask(self, what, **arguments):
        answer = self.board.ask(what, connection=self.number, **arguments)
        self.state = answer.get("state", self.state)
        self.finished = answer.get("finished", self.finished)
        return answer

    def send(self, data, ms=0):
        """Queues data; with `ms`, waits until the board has acknowledged it all."""
        self.ask("send", data=data.decode("latin-1"), ms=ms)

    def recv(self, until=None, size=None, ms=10_000):
        """Data up to and with `until`, or `size` bytes, or to the end of the connection; less if time runs out."""
        until = until and until.decode("latin-1")
        return self.ask("recv", until=until, bytes=size, ms=ms)["data"].encode("latin-1")

    def close(self, ms=0):
        """Sends FIN; with `ms`, waits for the board's."""
        self.ask("close", ms=ms)

    def abort(self):
        """Sends RST."""
        self.ask("abort")
