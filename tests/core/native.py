"""modhttp/core for the tests: compiled as a shared library, bound with cffi from the headers themselves.

Every byte that the C code may read lies in a buffer that ends at an unreadable page, so that reading past the end is
a crash and not luck. test_sanitized.py runs all of it once more under AddressSanitizer.
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
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror"]
ASAN = "MODHTTP_CORE_ASAN"  # set by test_sanitized.py, which has preloaded the runtime


def declarations():
    """The public headers as cffi wants them: no includes, no guards."""
    text = "".join((MODHTTP / f"core/{name}.h").read_text() for name in "method head body uri router answer".split())
    text = re.sub(r"^#define MODHTTP_CORE_\w+$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^#define (\w+) \((\w+)\).*$", r"#define \1 \2", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=0xffffffff)u\b", "", text)
    return re.sub(r"^#(?!define).*$", "", text, flags=re.MULTILINE)


def compile_library(directory, compiler="gcc"):
    library = directory / f"libcore-{compiler}.so"
    sanitizers = "undefined,address" if os.environ.get(ASAN) else "undefined"
    subprocess.run(
        [compiler, *WARNINGS, "-O1", "-g", "-fPIC", "-shared", f"-fsanitize={sanitizers}"]
        + ["-fno-sanitize-recover=all", f"-I{MODHTTP}", *SOURCES, "-o", library],
        check=True,
    )
    return library


class Guarded:
    """Memory whose end is the end of what is readable."""

    SIZE = 1 << 17

    def __init__(self, ffi):
        self.ffi = ffi
        libc = ffi.dlopen(None)
        none, read_write, private_anonymous = 0, 3, 0x22
        base = libc.mmap(ffi.NULL, self.SIZE + mmap.PAGESIZE, read_write, private_anonymous, -1, 0)
        self.end = ffi.cast("uint8_t *", base) + self.SIZE
        if libc.mprotect(self.end, mmap.PAGESIZE, none) != 0:
            raise OSError("mprotect")

    def put(self, data):
        """Where `data` now lies; it stays until the next put()."""
        start = self.end - len(data)
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
