"""A MicroPython tree that looks like an upstream checkout to the boards whose drivers Debian does not have.

Everything is the assembled tree's, by links. Of the drivers there are as many names as configuring and compiling our
own files ask for, and nothing that could be linked.
"""

import os
import re
from pathlib import Path

# What the driver's callers, and ours among them, find in its headers.
WIZCHIP = """
typedef enum { IK_SOCK_0 = 1 << 8 } intr_kind;
void wizchip_clrinterrupt(intr_kind intr);
uint16_t getSn_RX_RSR(uint8_t sn);
"""


def link(tree, into):
    """`tree` at another place, in directories of its own."""
    for place, directories, files in os.walk(tree):
        here = into / Path(place).relative_to(tree)
        here.mkdir(parents=True, exist_ok=True)
        for name in files:
            (here / name).symlink_to(Path(place) / name)
        for name in [name for name in directories if (Path(place) / name).is_symlink()]:
            (here / name).symlink_to(Path(place) / name)
    return into


def add_drivers(tree):
    files = {"lib/cyw43-driver/src/cyw43.h": "", "lib/wiznet5k/README.md": "",
             "lib/wiznet5k/Ethernet/wizchip_conf.h": WIZCHIP}
    text = (tree / "lib/pico-sdk/src/rp2_common/pico_cyw43_driver/CMakeLists.txt").read_text()
    sources = re.findall(r"\$\{PICO_CYW43_DRIVER_PATH\}/(\S+\.c)", text)
    files |= {f"lib/cyw43-driver/{name}": "" for name in sources}
    port = (tree / "ports/rp2/CMakeLists.txt").read_text()
    files |= {name: "" for name in re.findall(r"\$\{MICROPY_DIR\}/(lib/wiznet5k/\S+\.c)", port)}
    # Headers that MicroPython's own files include: they are preprocessed, to find the names of Python's.
    for file in [*tree.glob("ports/rp2/*.[ch]"), *tree.glob("extmod/network_*.c")]:
        for name in re.findall(r'#include "(lib/(?:cyw43-driver|wiznet5k)/\S+)"', file.read_text()):
            files.setdefault(name, "")
    for name, data in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(data)
    return tree
