"""Native endpoints answer at the host's REPL, where the program's exception has left it, and while it sleeps."""

import os
import select
import signal
import subprocess
import time

import httpx
import pytest

import target as targets

PROGRAM = """
import modhttp, time
app = modhttp.Server()
room = app.sensor("/room", celsius=21.5)
app.start()
room.update(celsius=22)
print("busy")
time.sleep(1000)
"""


class Terminal:
    """The host build at a terminal of its own."""

    def __init__(self, directory, **environment):
        self.master, slave = os.openpty()
        self.process = subprocess.Popen([targets.build.BUILD / "host/modhttp"], cwd=directory,
                                        env=os.environ | {"HOME": str(directory)} | environment, stdin=slave,
                                        stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.output = ""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, text):
        """What comes up to and with this."""
        deadline = time.monotonic() + targets.PATIENCE["host"]
        while text not in self.output:
            assert time.monotonic() < deadline, self.output
            if select.select([self.master], [], [], 0.1)[0]:
                self.output += os.read(self.master, 4096).decode()
        before, _, self.output = self.output.partition(text)
        return before + text


@pytest.mark.parametrize("end", ["ctrl-c", "exception"])
def test_native_endpoints_outlive_the_program(tmp_path, end):
    port = targets.free_port()

    def get():
        return httpx.get(f"http://127.0.0.1:{port}/room", timeout=targets.PATIENCE["host"], trust_env=False).json()

    with Terminal(tmp_path, MODHTTP_FORWARD=f"{port}:80") as terminal:
        terminal.expect(">>> ")
        program = PROGRAM if end == "ctrl-c" else PROGRAM.replace("time.sleep(1000)", "lost")
        terminal.type("\x05" + program.replace("\n", "\r") + "\x04")
        terminal.expect("\r\nbusy\r\n")
        if end == "ctrl-c":
            assert get() == {"celsius": 22.0}
            terminal.process.send_signal(signal.SIGINT)
        assert ("KeyboardInterrupt" if end == "ctrl-c" else "NameError") in terminal.expect(">>> ")
        for celsius in (22.0, 23.5):
            assert [get() for _ in range(3)] == [{"celsius": celsius}] * 3
            terminal.type("room.update(celsius=23.5)\r")
            terminal.expect(">>> ")
