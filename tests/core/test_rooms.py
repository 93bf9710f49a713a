"""Dependencies point one way: python/ → py/ → net/ → core/. A file that needs more is in the wrong room."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODHTTP = ROOT / "modhttp"
STANDARD = {"stddef.h", "stdint.h", "stdbool.h", "string.h"}
HOSTED = STANDARD | {"errno.h", "limits.h"}
LWIP = re.compile(r"(lwip|netif|arch)/|lwipopts")
MICROPYTHON = re.compile(r"(py|extmod|shared|genhdr)/|mp(config|halport|threadport)\w*\.h")
# What our own headers in py/ and MicroPython's are called alike: a file that lies in modhttp/py is ours.
OURS = re.compile(r"(core|net|py|port)/")


def sources(room):
    return sorted(path for path in (MODHTTP / room).rglob("*") if path.suffix in {".c", ".h", ".S"})


def includes(path):
    """What a file includes: <…> and "…" alike."""
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def is_ours(name):
    return bool(OURS.match(name)) and (MODHTTP / name).exists()


def allowed(room, name):
    """Whether a file in a room may include this."""
    ours = name.split("/")[0] if is_ours(name) else None
    if room == "core":
        return name in STANDARD or ours == "core"
    if room == "net":
        return name in HOSTED or ours in {"core", "net"} or (ours is None and bool(LWIP.match(name)))
    if room == "py":
        micropython = ours is None and bool(MICROPYTHON.match(name))
        return name in HOSTED or ours in {"core", "net", "py"} or name == "port/port.h" or micropython
    return True  # port/ is where all meet


FILES = [(room, path) for room in ("core", "net", "py") for path in sources(room)]


@pytest.mark.parametrize(("room", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])
def test_includes(room, path):
    assert [name for name in includes(path) if not allowed(room, name)] == []


def test_core_uses_nothing_that_allocates():
    """Freestanding: of the C library, only memory and string functions are called."""
    calls = re.compile(r"\b(malloc|calloc|realloc|free|printf|snprintf|abort|assert|strdup)\s*\(")
    assert [path.name for path in sources("core") if calls.search(path.read_text())] == []


@pytest.mark.parametrize(
    ("room", "name", "good"),
    [
        ("core", "string.h", True),
        ("core", "core/head.h", True),
        ("core", "stdio.h", False),
        ("core", "net/server.h", False),
        ("core", "lwip/tcp.h", False),
        ("core", "py/obj.h", False),
        ("net", "lwip/tcp.h", True),
        ("net", "py/obj.h", False),
        ("net", "port/port.h", False),
        ("py", "py/obj.h", True),
        ("py", "lwip/tcp.h", False),
        ("py", "core/head.h", True),
    ],
)
def test_the_rule(room, name, good):
    assert allowed(room, name) == good


def imports(path):
    """The top names of all modules that a Python file imports, and of none that it defines itself."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


# MicroPython's own beside those that CPython has under the same name.
MICROPYTHON_MODULES = {"micropython", "machine", "network", "uasyncio", "vfs"}


def test_python_layer_imports():
    """Frozen Python stands on _modhttp and the standard library."""
    known = set(sys.stdlib_module_names) | MICROPYTHON_MODULES | {"_modhttp", "modhttp"}
    package = ROOT / "python" / "modhttp"
    strangers = {path.name: imports(path) - known for path in package.rglob("*.py")}
    assert {name: found for name, found in strangers.items() if found} == {}
