"""modhttp/core for the tests: compiled as a shared library, bound with cffi from the headers themselves.

Every byte that the C code may read lies in a buffer that ends at an unreadable page, so that reading past the end is
a crash and not luck. test_sanitized.py runs all of it once more under AddressSanitizer, test_coverage.py with gcov.
"""

import mmap
import os
import re
import subprocess
from pathlib import Path

import cffi

ROOT = Path(__file__).resolve().parents[2]
MODHTTP = ROOT / "modhttp"
SOURCES = sorted((MODHTTP / "core").glob("*.c"))
HERE = Path(__file__).parent
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror"]
ASAN = "MODHTTP_CORE_ASAN"  # set by test_sanitized.py, which has preloaded the runtime
NARROW = "MODHTTP_CORE_NARROW"  # set by test_narrow.py
COVERAGE = "MODHTTP_CORE_COVERAGE"  # set by test_coverage.py: the directory for what gcov needs


def declarations():
    """The public headers, and the tests' own, as cffi wants them: no includes, no guards."""
    names = "method head body uri router answer number sensor select range form log dns auth throttle noise ws".split()
    text = "".join((MODHTTP / f"core/{name}.h").read_text() for name in names)
    text += (HERE / "splits.h").read_text()
    text = re.sub(r"^#define MODHTTP_CORE_\w+$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^#define (\w+) \((\w+)\).*$", r"#define \1 \2", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=0xffffffff)u\b", "", text)
    return re.sub(r"^#(?!define).*$", "", text, flags=re.MULTILINE)


def compile_library(directory, compiler="gcc"):
    """The core and what feeds it (splits.c) as one library."""
    library = directory / f"libcore-{compiler}.so"
    sanitizers = "undefined,address" if os.environ.get(ASAN) else "undefined"
    options = feeder = ["-O1", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all"]
    if os.environ.get(COVERAGE):
        # The compiler's own notion of a branch, before it moves and merges any.
        options, feeder, directory = ["-O0", "--coverage"], ["-O2"], Path(os.environ[COVERAGE])
    if os.environ.get(NARROW):
        # clang, because gcc believes what it is told of a pointer's alignment.
        compiler, feeder = "clang", ["-O2"]
        options = ["-O1", "-fsanitize=undefined", "-fsanitize-trap=undefined"]
        options += ["-include", HERE / "narrow.h", "-Wno-pointer-to-int-cast"]
    command = [compiler, *WARNINGS, "-g", "-fPIC", f"-I{MODHTTP}"]
    subprocess.run([*command, *options, "-c", *SOURCES], check=True, cwd=directory)
    subprocess.run([*command, *feeder, "-c", HERE / "splits.c"], check=True, cwd=directory)
    objects = [f"{source.stem}.o" for source in [*SOURCES, HERE / "splits.c"]]
    subprocess.run([*command, *options, "-shared", *objects, "-o", library], check=True, cwd=directory)
    return library


class Guarded:
    """Memory with unreadable pages before and after."""

    SIZE = 1 << 17

    def __init__(self, ffi):
        self.ffi = ffi
        libc = ffi.dlopen(None)
        none, read_write, private_anonymous = 0, 3, 0x22
        pages = libc.mmap(ffi.NULL, self.SIZE + 2 * mmap.PAGESIZE, none, private_anonymous, -1, 0)
        self.begin = ffi.cast("uint8_t *", pages) + mmap.PAGESIZE
        self.end = self.begin + self.SIZE
        if libc.mprotect(self.begin, self.SIZE, read_write) != 0:
            raise OSError("mprotect")

    def put(self, data, at_begin=False):
        """Where `data` now lies, just before the end or at the beginning; it stays until the next put()."""
        start = self.begin if at_begin else self.end - len(data)
        self.ffi.memmove(start, data, len(data))
        return start

    def room(self, size):
        """Room for `size` bytes, filled with what nobody writes."""
        return self.put(b"\xa5" * size)


class Core:
    def __init__(self, library):
        self.ffi = cffi.FFI()
        self.ffi.cdef(declarations())
        self.ffi.cdef("""
            void *mmap(void *, size_t, int, int, int, long);
            int mprotect(void *, size_t, int);
        """)
        self.lib = self.ffi.dlopen(str(library))
        self.input = Guarded(self.ffi)
        self.output = Guarded(self.ffi)

    def bytes(self, pointer, length):
        return bytes(self.ffi.buffer(pointer, length))

    def text(self, pointer, length):
        return self.bytes(pointer, length).decode("latin-1")
