#!/usr/bin/env python3
"""What a board's firmware takes of its flash and RAM: `budget.py [BOARD]`, after `make firmware`.

Standard library only.
"""

import argparse
import re
import subprocess
import sys

import build
from common import Refusal, run_command

BOARDS = build.ROOT / "ports/rp2/boards"
STACK_HEADER = build.ROOT / "modhttp/port/rp2/stack.h"
STACK_DEPTH = build.ROOT / "tools/stack_depth.py"

FLASH_START, FLASH = 0x10000000, 2 << 20
RAM_START = 0x20000000

# lwIP's pools and heap.
POOL = re.compile(r"memp_memory_\w+_base|ram_heap")


def kilobytes_of(name):
    """A size of the flash map, in bytes, as the boards' header says it."""
    text = (BOARDS / "common/board.h").read_text()
    return int(re.search(rf"#define {name}\s+\((\d+) \* 1024\)", text)[1]) << 10


def flash_map():
    """(address, bytes) of each part: firmware first, the file system at the end."""
    romfs, files = kilobytes_of("MICROPY_HW_ROMFS_BYTES"), kilobytes_of("MICROPY_HW_FLASH_STORAGE_BYTES")
    firmware = FLASH - files - romfs
    return {"firmware": (FLASH_START, firmware), "romfs": (FLASH_START + firmware, romfs),
            "files": (FLASH_START + firmware + romfs, files)}


def symbols(elf):
    """{name: address}, and the bytes that lwIP's pools take."""
    table = subprocess.run(["arm-none-eabi-nm", "-S", elf], check=True, capture_output=True, text=True).stdout
    addresses, pools = {}, 0
    for line in table.splitlines():
        *numbers, _, name = line.split()
        if numbers:
            addresses[name] = int(numbers[0], 16)
            if len(numbers) == 2 and POOL.fullmatch(name):
                pools += int(numbers[1], 16)
    return addresses, pools


def has_slip(board):
    return "MODHTTP_BOARD_SLIP" in (BOARDS / board.partition("-")[0] / "mpconfigboard.h").read_text()


def stack_reserve(board):
    """What interrupts may take on top of Python's stack."""
    with_slip, others = re.findall(r"#define MODHTTP_STACK_RESERVE \((\d+)\)", STACK_HEADER.read_text())
    return int(with_slip if has_slip(board) else others)


def check_stack(board, elf):
    """Refuse firmware whose interrupts may take more."""
    command = [sys.executable, STACK_DEPTH, elf, elf.parent / f"obj-{board}", "--limit", str(stack_reserve(board))]
    command += [] if has_slip(board) else ["--mdns"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Refusal(f"{board}: {done.stderr.strip()}")


def of(board, elf):
    """All of it, in bytes."""
    at, pools = symbols(elf)
    reserve = stack_reserve(board)
    parts = flash_map()
    return {
        "flash": {"firmware": at["__flash_binary_end"] - FLASH_START, "firmware_room": parts["firmware"][1],
                  "romfs_room": parts["romfs"][1], "files_room": parts["files"][1]},
        "ram": {"static": at["__GcHeapStart"] - RAM_START, "lwip": pools,
                "stack": at["__StackTop"] - at["__StackBottom"] + reserve,
                "heap": at["__GcHeapEnd"] - at["__GcHeapStart"] - reserve},
    }


def lines(board, budget):
    flash, ram = budget["flash"], budget["ram"]
    share = 100 * flash["firmware"] / flash["firmware_room"]
    return [f"{board}, flash: firmware {flash['firmware']:,} of {flash['firmware_room']:,} bytes ({share:.0f} %), "
            f"ROMFS {flash['romfs_room']:,}, file system {flash['files_room']:,}",
            f"{board}, RAM: {ram['static']:,} static ({ram['lwip']:,} for lwIP's pools), {ram['stack']:,} stack, "
            f"{ram['heap']:,} left for Python's heap"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("board", nargs="?", default="MODHTTP_PICO")
    board = parser.parse_args().board
    elf = build.BUILD / f"firmware/{board}.elf"
    if not elf.is_file():
        raise Refusal(f"{elf.relative_to(build.ROOT)} is not there: make firmware BOARD={board} makes it")
    return "\n".join(lines(board, of(board, elf)))


if __name__ == "__main__":
    run_command(main)
