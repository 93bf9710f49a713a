"""Faults in a program under test: lwIP's and MicroPython's n-th allocation fails, and what is allocated is counted.

The other end of modhttp/port/unix/faults.c: a file that both map.
"""

import mmap
import time

# As faults.c has them.
KINDS = ("write", "pool", "heap", "pcb", "close", "gc", "interrupt")
_FIELDS = ("calls", "first", "count", "every", "failed")
_USED = ("pool", "heap")
_WORDS = len(KINDS) * len(_FIELDS) + len(_USED)

FOREVER = 2**32 - 1


class Faults:
    def __init__(self, path):
        """Make the file: MODHTTP_FAULTS of the program that is started next."""
        self.path = path
        path.write_bytes(bytes(4 * _WORDS))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4 * _WORDS)
        self._words = memoryview(self._map).cast("I")

    def _at(self, kind, field):
        return KINDS.index(kind) * len(_FIELDS) + _FIELDS.index(field)

    def arm(self, kind, first=1, count=0, every=0):
        """Of the calls since clear(), those from the first-th on fail, `count` of them; and every so many."""
        for field, value in (("first", first), ("every", every), ("count", count)):
            self._words[self._at(kind, field)] = value

    def disarm(self):
        """No more failures. The counters stay."""
        for kind in KINDS:
            for field in ("count", "every"):
                self._words[self._at(kind, field)] = 0

    def clear(self):
        """No more failures, and count from 0."""
        self.disarm()
        for kind in KINDS:
            for field in ("calls", "failed"):
                self._words[self._at(kind, field)] = 0

    def calls(self, kind):
        """How many calls there were since clear()."""
        return self._words[self._at(kind, "calls")]

    def failed(self, kind):
        """How many of them failed."""
        return self._words[self._at(kind, "failed")]

    def used(self):
        """What lwIP has: elements of its pools, but for pcbs, which TIME_WAIT keeps, and blocks of its heap."""
        return dict(zip(_USED, self._words[len(KINDS) * len(_FIELDS) :], strict=True))

    def wait_for_use(self, expected, patience):
        """Until what is allocated is down to this."""
        deadline = time.monotonic() + patience
        while (used := self.used()) != expected:
            assert time.monotonic() < deadline, f"lwIP's memory in use: {used}, before: {expected}"
            time.sleep(0.002)
