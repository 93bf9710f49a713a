#!/usr/bin/env python3
"""Write dist/: a UF2 for each board, SHA256SUMS and manifest.json: `dist.py [--romfs DIRECTORY|IMAGE] [BOARD...]`.

A UF2 here holds the firmware and, at its own address, the image that the board mounts at /rom. Without names it is
those boards that can be built: the ones whose drivers Debian lacks need MICROPYTHON_DIR. Equal sources and compilers
give equal bytes; manifest.json says which they were. Standard library only.
"""

import argparse
import hashlib
import json
import os
import re
import struct
import subprocess
from pathlib import Path

import budget
import build
import need
import romfs
from common import Refusal, run_command

DIST = build.ROOT / "dist"

# What is at /rom where nothing else is said: the dashboard's page.
PAGES = build.ROOT / "rom"

# UF2 blocks, as RP2040's boot ROM takes them.
BLOCK = struct.Struct("<8I476sI")
FIRST, SECOND, LAST = 0x0A324655, 0x9E5D5157, 0x0AB16F30
FAMILY_IS_PRESENT, RP2040 = 0x2000, 0xE48BFF56
PAYLOAD, SECTOR = 256, 4096

# All that a UF2's bytes come from, beside MicroPython and the compilers.
INPUTS = [*build.FIRMWARE_INPUTS, "micropython/sources.json", "rom", "tools/dist.py", "tools/romfs.py"]


def version():
    """The one that is written down."""
    text = (build.ROOT / "python/modhttp/__init__.py").read_text()
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


# ---- UF2

def contents(uf2):
    """[(address, bytes)] of a UF2's blocks."""
    data = uf2.read_bytes()
    found = []
    for fields in BLOCK.iter_unpack(data):
        if (fields[0], fields[1], fields[9]) != (FIRST, SECOND, LAST):
            raise Refusal(f"{uf2} is not a UF2")
        found.append((fields[3], fields[8][:fields[4]]))
    return found


def sectors(address, data):
    """Blocks for `data`, to its last sector's end: RP2040's boot ROM wants whole ones (data sheet, erratum E14)."""
    data += b"\xff" * (-len(data) % SECTOR)
    return [(address + at, data[at:at + PAYLOAD]) for at in range(0, len(data), PAYLOAD)]


def write_uf2(blocks, file):
    file.write_bytes(b"".join(
        BLOCK.pack(FIRST, SECOND, FAMILY_IS_PRESENT, address, PAYLOAD, number, len(blocks), RP2040, payload, LAST)
        for number, (address, payload) in enumerate(blocks)))


def combine(uf2, image, file):
    """The firmware, and the image that is mounted at /rom."""
    parts = budget.flash_map()
    found = contents(uf2)
    start, room = parts["firmware"]
    firmware = b"".join(payload for _, payload in found)
    if [address for address, _ in found] != list(range(start, start + len(firmware), PAYLOAD)):
        raise Refusal(f"{uf2} has gaps")
    if len(firmware) > room:
        raise Refusal(f"{uf2} takes {len(firmware):,} bytes, there is room for {room:,}: the rest is ROMFS's")
    blocks = sectors(start, firmware)
    if image:
        blocks += sectors(parts["romfs"][0], image.read_bytes())
    write_uf2(blocks, file)


# ---- what it was made of

def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def inputs():
    """A checksum of what is ours in a UF2."""
    digest = hashlib.sha256()
    for name in INPUTS:
        path = build.ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix not in (".pyc", ".md"):
                digest.update(f"{file.relative_to(build.ROOT)}\0{sha256(file)}\0".encode())
    return digest.hexdigest()


def first_line(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]


def toolchain():
    macros = ["arm-none-eabi-gcc", "-E", "-dM", "-include", "newlib.h", "-x", "c", os.devnull]
    text = subprocess.run(macros, check=True, capture_output=True, text=True).stdout
    return {"compiler": first_line("arm-none-eabi-gcc", "--version"),
            "linker": first_line("arm-none-eabi-ld", "--version"),
            "newlib": re.search(r'_NEWLIB_VERSION "(.+)"', text)[1]}


def git(*words, directory):
    done = subprocess.run(["git", "-C", directory, *words], check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def sources():
    """What MicroPython's tree was put together from."""
    pins = json.loads((build.ROOT / "micropython/sources.json").read_text())
    checkout = os.environ.get("MICROPYTHON_DIR")
    if not checkout:
        return [{key: part[key] for key in ("name", "version", "file", "sha256")} for part in pins["parts"]
                if "firmware" in part["for"]]
    modules = re.findall(r"^.([0-9a-f]{40}) (\S+)", git("submodule", "status", directory=checkout) or "", re.MULTILINE)
    commit = git("rev-parse", "HEAD", directory=checkout)
    return [{"name": "micropython", "version": pins["micropython"], "commit": commit},
            *({"name": path, "commit": commit} for commit, path in modules)]


# ---- the directory

def boards(asked_for):
    if asked_for:
        return asked_for
    return build.boards() if os.environ.get("MICROPYTHON_DIR") else ["MODHTTP_PICO"]


def write(into, names, image):
    """Build, and fill the directory. Returns what manifest.json says."""
    into.mkdir(parents=True, exist_ok=True)
    made = {}
    for board in names:
        uf2 = build.firmware(board)
        elf = uf2.with_suffix(".elf")
        budget.check_stack(board, elf)
        file = into / f"{board}.uf2"
        combine(uf2, image, file)
        made[board] = {"file": file.name, "bytes": file.stat().st_size, "sha256": sha256(file),
                       **budget.of(board, elf)}
    manifest = {"modhttp": version(), "inputs": inputs(), "boards": made,
                "romfs": {"bytes": image.stat().st_size, "sha256": sha256(image)} if image else None,
                "sources": sources(), "toolchain": toolchain()}
    (into / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    files = sorted([*(into / entry["file"] for entry in made.values()), into / "manifest.json"])
    (into / "SHA256SUMS").write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files))
    return manifest


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--romfs", default="", help="what is at /rom (default: rom/, if it is there)")
    parser.add_argument("--into", type=Path, default=DIST, help="default: dist/")
    parser.add_argument("--version", action="version", version=version())
    parser.add_argument("board", nargs="*")
    options = parser.parse_args()
    need.ensure(["dist"])
    name = options.romfs or (PAGES if PAGES.is_dir() else "")
    manifest = write(options.into, boards(options.board), romfs.image_of(name) if name else None)
    return "\n".join(line for board, entry in manifest["boards"].items() for line in budget.lines(board, entry))


if __name__ == "__main__":
    run_command(main)
