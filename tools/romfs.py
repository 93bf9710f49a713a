#!/usr/bin/env python3
"""Pack a directory into build/romfs.img, the image that a board keeps in its flash and mounts at /rom: `romfs.py DIR`.

Beside each file that gzip makes smaller goes the smaller one, NAME.gz, unless DIR has its own. --deploy, or --device,
has mpremote bring the image to a board. Standard library only, but for that.
"""

import argparse
import gzip
import hashlib
import os
import tempfile
import zlib
from pathlib import Path

import build
import device
from common import Refusal, run_command, say

IMAGE = build.BUILD / "romfs.img"

# Bytes that the boards have for it: ports/rp2/boards/common/board.h.
ROOM = 256 << 10

# What is at /rom where nothing else is said: the dashboard's page.
USUAL = build.ROOT / "rom"

HEADER = b"\xd2\xcd\x31"
DATA, DIRECTORY, FILE = 2, 4, 5  # kinds of records

# Kinds of files that are not compressed already.
COMPRESSIBLE = {".css", ".csv", ".htm", ".html", ".ico", ".js", ".json", ".map", ".mjs", ".svg", ".txt", ".wasm",
                ".xml"}


def twin(data):
    """What gzip makes of it: the same for the same data."""
    return gzip.compress(data, 9, mtime=0)


def stage(directory, into):
    """Copy `directory`, and add the twins. Returns what to tell of it, a line for each file."""
    lines = []
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        if not str(name).isascii():
            raise Refusal(f"{path} has a name that ROMFS cannot hold: ASCII only")
        if path.is_dir():
            if path.is_symlink():
                raise Refusal(f"{path} is a link to a directory, which ROMFS does not have")
            (into / name).mkdir()
            continue
        if not path.is_file():
            raise Refusal(f"{path} is neither a file nor a directory")
        data = path.read_bytes()
        (into / name).write_bytes(data)
        line = f"{len(data):>9,}  {name}"
        twin_path = path.with_name(f"{path.name}.gz")
        if path.suffix.lower() in COMPRESSIBLE and not twin_path.exists() and len(small := twin(data)) < len(data):
            (into / name).with_name(twin_path.name).write_bytes(small)
            line += f"  and {twin_path.name}, {len(small):,}"
        lines.append(line)
    return lines


def number(value):
    """Seven bits to a byte, the highest first; the eighth says that more follow."""
    encoded = [value & 127]
    while value := value >> 7:
        encoded.insert(0, 128 | value & 127)
    return bytes(encoded)


def record(kind, *parts):
    data = b"".join(parts)
    return bytes([kind]) + number(len(data)) + data


def entry(path):
    """A file or a directory, with what is in it, as MicroPython's extmod/vfs_rom.c reads it."""
    name = number(len(path.name)) + path.name.encode()
    if path.is_dir():
        return record(DIRECTORY, name, *entries(path))
    return record(FILE, name, record(DATA, path.read_bytes()))


def entries(directory):
    return [entry(path) for path in sorted(directory.iterdir(), key=lambda path: path.name)]


def write_image(directory, image):
    """Pack `directory` as it is. A program that has mapped the image that was there keeps that one."""
    data = b"".join(entries(directory))
    size = number(len(data))
    if (len(HEADER) + len(size) + len(data)) % 2:
        size = b"\x80" + size
    image.parent.mkdir(parents=True, exist_ok=True)
    fresh = image.with_suffix(f".{os.getpid()}.new")
    fresh.write_bytes(HEADER + size + data)
    fresh.replace(image)


def pack(directory, image):
    """Pack `directory` and its twins. Returns what to tell of it."""
    with tempfile.TemporaryDirectory() as staged:
        lines = stage(directory, Path(staged))
        write_image(Path(staged), image)
    check(image, directory)
    return lines


def check(image, name):
    with open(image, "rb") as file:
        if file.read(len(HEADER)) != HEADER:
            raise Refusal(f"{name} is not a ROMFS image: make romfs DIR=... makes one, or name the directory itself")
    size = image.stat().st_size
    if size > ROOM:
        raise Refusal(f"{name} takes {size:,} bytes as a ROMFS image, the boards have {ROOM:,}")


def image_of(name):
    """The image that ROMFS= names, or one that is made of the directory that it names."""
    path = Path(name).resolve()
    if path.is_dir():
        image = build.BUILD / "romfs" / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.img"
        pack(path, image)
        return image
    if not path.is_file():
        raise Refusal(f"{name} is not there: ROMFS= names a directory, or an image that make romfs made of one")
    check(path, name)
    return path


def deploy(image, path):
    """Have the board at `path` keep the image, and start again with it."""
    say(f"writing it to the board at {path}")
    data = image.read_bytes()
    device.mpremote(path, "romfs", "deploy", image)
    flash = f"import binascii, vfs; print(binascii.crc32(memoryview(vfs.rom_ioctl(2, 0))[:{len(data)}]))"
    if device.mpremote(path, "exec", flash).strip() != str(zlib.crc32(data)):
        raise Refusal(f"the board at {path} does not hold what was written: try again")
    device.mpremote(path, "reset")
    say("it is at /rom, and the board starts again")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("directory")
    parser.add_argument("--deploy", action="store_true", help="bring it to a board, too")
    parser.add_argument("--device", default="", help="the board's serial port, which implies --deploy")
    options = parser.parse_args()
    name = options.directory
    if not name or not Path(name).is_dir():
        raise Refusal(f"{name or 'DIR'} is not a directory: DIR= names the one to pack")
    lines = pack(Path(name), IMAGE)
    lines.append(f"{IMAGE.stat().st_size:>9,}  {IMAGE.relative_to(build.ROOT)}, of {ROOM:,} that the boards have")
    print("\n".join(lines), flush=True)
    if options.deploy or options.device:
        deploy(IMAGE, device.find(options.device))


if __name__ == "__main__":
    run_command(main)
