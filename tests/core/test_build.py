"""The core compiles without a warning wherever it is to run, and fits."""

import shutil
import subprocess
from pathlib import Path

import pytest

from .native import MODHTTP, SOURCES, WARNINGS

# What core/ may take, as the firmware compiles it, in bytes of code and tables: what every server needs, and the
# grammars of what many do without (forms, WebSockets, logins, the log, captive portals).
FLASH_MAX = 22 * 1024
OPTIONAL_MAX = 10 * 1024
OPTIONAL = ("auth.c", "dns.c", "form.c", "form_head.c", "log.c", "noise.c", "throttle.c", "ws.c", "ws_open.c")
# Compiled for size: see micropython.cmake.
SMALL = (*OPTIONAL, "cookie.c", "date.c", "range.c", "router_add.c", "select.c", "sensor.c", "uri.c")
ARM = "arm-none-eabi-gcc"
TARGETS = {
    "gcc": ["gcc", "-O2"],
    "gcc-O0": ["gcc", "-O0"],
    "clang": ["clang", "-O2"],
    "cortex-m0plus": [ARM, "-mcpu=cortex-m0plus", "-mthumb", "-O2", "-ffreestanding"],
}


def compile_objects(command, directory):
    if not shutil.which(command[0]):
        pytest.skip(f"no {command[0]} on this machine")
    extra = ["-pedantic", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Wstrict-prototypes"]
    subprocess.run([*command, *WARNINGS, *extra, f"-I{MODHTTP}", "-c", *SOURCES], check=True, cwd=directory)
    return sorted(directory.glob("*.o"))


@pytest.mark.parametrize("target", TARGETS)
def test_compiles(target, tmp_path):
    assert len(compile_objects(TARGETS[target], tmp_path)) == len(SOURCES)


def test_fits(tmp_path):
    objects = compile_objects(TARGETS["cortex-m0plus"], tmp_path)
    small = [source for source in SOURCES if source.name in SMALL]
    assert len(small) == len(SMALL)
    command = [*TARGETS["cortex-m0plus"], "-Os", *WARNINGS, f"-I{MODHTTP}", "-c", *small]
    subprocess.run(command, check=True, cwd=tmp_path)
    table = subprocess.run(["arm-none-eabi-size", *objects], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in table.splitlines()[1:]]
    sizes = {Path(name).name: int(text) for text, _, _, _, _, name in rows}
    optional = sum(sizes.pop(source.replace(".c", ".o")) for source in OPTIONAL)
    assert (sum(sizes.values()) <= FLASH_MAX, optional <= OPTIONAL_MAX) == (True, True), (sizes, optional)
    assert all(data == bss == "0" for _, data, bss, *_ in rows), "tables are const, and there are no globals"


def test_needs_only_libgcc_and_memory_functions(tmp_path):
    """What the objects leave to others to define."""
    objects = compile_objects(TARGETS["cortex-m0plus"], tmp_path)
    table = subprocess.run(["arm-none-eabi-nm", *objects], check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in table.splitlines() if line]
    wanted = {words[-1] for words in lines if words[-2:-1] == ["U"]}
    defined = {words[2] for words in lines if len(words) == 3 and words[1] in "TR"}
    assert {name for name in wanted - defined if not name.startswith("__")} <= {
        "memchr",
        "memcmp",
        "memcpy",
        "memmove",
        "memset",
        "strlen",
    }
