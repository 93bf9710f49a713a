#!/usr/bin/env python3
"""Put firmware on a board: enter its bootloader, copy the UF2 to the drive that it then is, and wait for its REPL.

A board that is in BOOTSEL mode already is found by its drive, RPI-RP2, mounted or not; one that runs MicroPython by
its serial port. Standard library only.
"""

import argparse
import errno
import os
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

import build
import device
from common import Refusal, run_command, say

# UF2 blocks, as RP2040's boot ROM takes them.
BLOCK = 512
MAGIC = (0x0A324655, 0x9E5D5157)
RP2040 = 0xE48BFF56

INFO = "INFO_UF2.TXT"       # on every drive that takes UF2 files
BOARD_ID = "RPI-RP2"        # in it; and the drive's label
LABELS = Path("/dev/disk/by-label")
MOUNTS = Path("/proc/self/mounts")

PATIENCE = 30               # seconds for the drive, and for the REPL
DESKTOP = 5                 # seconds that the desktop may take to mount the drive by itself
LOOK = 0.2                  # between tries
TRY = 10                    # for an answer of a board that may have been asked while it started

# How a write ends when the board has got the last block, and starts: its drive is gone before the rest is written.
GONE = (errno.EIO, errno.ENODEV, errno.ENXIO)

SAY_VERSION = """
import os
try:
    import modhttp
    print("modhttp", modhttp.__version__, end=" on ")
except ImportError:
    pass
name = os.uname()
print("MicroPython", name.version + ";", name.machine)
"""


# ---- what is flashed


def firmware(name, board):
    """The UF2 that is meant: the one that is named, else the release in dist/, else what `make firmware` gives."""
    if name:
        if not Path(name).is_file():
            raise Refusal(f"{name} is not a file: UF2= names the firmware")
        return Path(name)
    release = build.ROOT / f"dist/{board}.uf2"
    return release if release.is_file() else build.firmware(board)


def check(uf2):
    """The boot ROM silently ignores what is not for it."""
    with open(uf2, "rb") as file:
        data = file.read(BLOCK)
        size = file.seek(0, os.SEEK_END)
    header = struct.unpack("<8I", data[:32]) if len(data) == BLOCK else ()
    if header[:2] != MAGIC or size != BLOCK * header[6]:
        raise Refusal(f"{uf2} is not a whole UF2 file: make firmware builds one")
    if header[7] != RP2040:
        raise Refusal(f"{uf2} is not for an RP2040")


# ---- the drive


def mounts():
    """(block device, mount point) of FAT file systems."""
    for line in MOUNTS.read_text().splitlines():
        block, point, kind = line.split()[:3]
        if kind in ("vfat", "msdos"):
            yield Path(block), Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), point))


def is_board(directory):
    try:
        return BOARD_ID in (directory / INFO).read_text(errors="replace")
    except OSError:
        return False


def find_drive(name):
    """Where the drive of a board in BOOTSEL mode is mounted, or None. `name`: the one place to look at.

    A drive that was mounted by hand seems to be there still when the board has long gone, and reads as it did.
    """
    places = [Path(name).absolute()] if name else [point for _, point in mounts()]
    gone = {point for block, point in mounts() if not block.exists()}
    return next((place for place in places if place not in gone and is_board(place)), None)


def unmounted():
    """The block device of a board in BOOTSEL mode."""
    label = LABELS / BOARD_ID
    return label.resolve() if label.exists() else None


def mount(block):
    """Have the desktop's own tool mount it, which needs no root."""
    if shutil.which("udisksctl"):
        subprocess.run(["udisksctl", "mount", "--no-user-interaction", "-b", block], check=False,
                       capture_output=True)
    drive = find_drive("")
    if drive is None:
        raise Refusal(f"the board in BOOTSEL mode is {block}, which is not mounted: "
                      f"sudo mount -o uid={os.getuid()} {block} /mnt, then make flash DRIVE=/mnt")
    return drive


def picotool(*words):
    """Whether picotool is installed and did it."""
    return bool(shutil.which("picotool")) and subprocess.run(["picotool", *words], check=False,
                                                             capture_output=True).returncode == 0


def in_bootsel(name):
    """What takes the UF2: a mount point, "picotool", or None while no board is in BOOTSEL mode."""
    if drive := find_drive(name):
        return drive
    if name:
        return None
    if picotool("info"):
        return "picotool"
    return mount(block) if (block := unmounted()) else None


def wait_for_drive(name):
    start = time.monotonic()
    while (waited := time.monotonic() - start) < PATIENCE:
        if place := find_drive(name) or (waited > DESKTOP and in_bootsel(name)):
            return place
        time.sleep(LOOK)
    raise Refusal(f"the board has entered its bootloader, but there is no drive {name or BOARD_ID}: "
                  "unplug it, plug it in with BOOTSEL held, and name where the drive is mounted, DRIVE=")


# ---- step by step


def enter_bootloader(name, drive):
    try:
        path = device.find(name)
    except device.NoBoard:
        raise Refusal("no board found: hold BOOTSEL while you plug it in, then try again; DEVICE= names the serial "
                      "port of one that runs MicroPython, DRIVE= where one in BOOTSEL mode is mounted") from None
    say(f"the board at {path} enters its bootloader")
    device.mpremote(path, "bootloader")
    return wait_for_drive(drive)


def copy(uf2, place):
    if place == "picotool":
        if not picotool("load", "-x", uf2):
            raise Refusal(f"picotool could not load {uf2}: unplug the board, plug it in with BOOTSEL held, try again")
        return
    file = open(place / uf2.name, "wb", buffering=0)
    try:
        with file:
            file.write(uf2.read_bytes())
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in GONE:
            raise Refusal(f"could not write to {place}: {error.strerror}") from None


def wait_for_repl(name):
    """The board's answer, once it has started."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            path = device.find(name)
            return path, device.mpremote(path, "exec", SAY_VERSION, patience=TRY).strip()
        except Refusal as refusal:
            if time.monotonic() > end:
                raise Refusal(f"the firmware was copied, but {refusal}") from None
        time.sleep(LOOK)


def shown(path):
    path = path.resolve()
    return path.relative_to(build.ROOT) if path.is_relative_to(build.ROOT) else path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--board", default="MODHTTP_PICO")
    parser.add_argument("--uf2", default="", help="the firmware")
    parser.add_argument("--device", default="", help="the serial port of a board that runs MicroPython")
    parser.add_argument("--drive", default="", help="where the drive of a board in BOOTSEL mode is mounted")
    options = parser.parse_args()
    uf2 = firmware(options.uf2, options.board)
    check(uf2)
    place = in_bootsel(options.drive) or enter_bootloader(options.device, options.drive)
    say(f"copying {shown(uf2)} to {place}")
    copy(uf2, place)
    say("waiting for its REPL")
    path, version = wait_for_repl(options.device)
    device.mpremote(path, "reset")      # what was asked has stopped main.py
    return f"modhttp: the board at {path} runs {version}"


if __name__ == "__main__":
    run_command(main)
