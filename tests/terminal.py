"""A program on a pseudo-terminal of its own, as a user has it."""

import os
import pty
import re
import select
import signal
import subprocess
import time

PATIENCE = 60  # seconds, on a machine that other things run on


class Terminal:
    def __init__(self, command, **options):
        self.seen = ""
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        **options)
        os.close(slave)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, patience=PATIENCE):
        """Reads on until the pattern has come. Returns the match."""
        end = time.monotonic() + patience
        while not (match := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {pattern!r} but {self.seen!r}"
            self.seen += os.read(self.master, 4096).decode(errors="replace")
        self.seen = self.seen[match.end():]
        return match

    def close(self):
        """Ends it, and what it has started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)
        os.close(self.master)
