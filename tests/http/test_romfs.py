"""Files in memory-mapped flash, at /rom on every target: on the board in its flash, on the host in a mapped file."""

import zlib

FILES = {
    "index.html": b"<h1>hello</h1>\n",
    "empty.txt": b"",
    "css/site.css": b"h1 { color: teal }\n",
    "css/deep/down/all bytes.bin": bytes(range(256)) * 70,
    "inrom.py": b"word = 'imported'\n",
}

# Where the image lies: by the flash map on the board, by the kernel's account on the host.
PLACE = """
import sys
def place():
    if sys.platform == "rp2":
        return 0x10100000, 0x10140000
    for line in open("/proc/self/maps"):
        if line.endswith("/rom.img\\n"):
            return [int(word, 16) for word in line.split()[0].split("-")]
"""

READ = PLACE + """
import binascii, uctypes
from modhttp import static
low, high = place()
for path, data in static.mapped("/rom").items():
    address = uctypes.addressof(data)
    file = open("/rom/" + path, "rb")
    assert file.read() == data and uctypes.addressof(memoryview(file)) == address
    print(path, len(data), binascii.crc32(data), low < address and address + len(data) <= high)
print("under css:", sorted(static.mapped("/rom/css")))
import inrom
print(inrom.word)
"""


def output(program):
    assert program.finish() == 0, program.console
    return program.console.splitlines()


def test_files_are_the_flash_itself(start):
    lines = output(start(READ, wait=False, romfs=FILES))
    expected = [f"{path} {len(data)} {zlib.crc32(data)} True" for path, data in FILES.items()]
    assert sorted(lines[:-2]) == sorted(expected)
    assert lines[-2:] == ["under css: ['deep/down/all bytes.bin', 'site.css']", "imported"]


REFUSED = """
import os
from modhttp import static
os.mkdir("plain")
open("plain/file.txt", "w").close()
print(static.mapped("plain"))
for mode in ("wb", "ab", "r+b"):
    try:
        open("/rom/index.html", mode)
    except OSError as exc:
        print(exc.errno)
"""


def test_other_files_are_not_and_these_cannot_be_written(start):
    assert output(start(REFUSED, wait=False, romfs=FILES)) == ["{}", *["30"] * 3]


NOTHING = """
import os, sys, vfs
from modhttp import static
try:
    print(os.listdir("/rom"), static.mapped("/rom"))
except OSError as exc:
    print(exc.errno, "rom" in os.listdir("/"))
"""


def test_an_empty_image(start):
    assert output(start(NOTHING, wait=False, romfs={})) == ["[] {}"]


def test_no_image(start, target):
    """On the board: erased flash, of which it says nothing. Who runs a program on the host finds the usual image."""
    usual = "['dashboard.html.gz'] {'dashboard.html.gz': <memoryview>}"
    assert output(start(NOTHING, wait=False, files={})) == [usual if target == "host" else "2 False"]


TYPES = {
    "index.html": "text/html; charset=utf-8",
    "a/b.c/INDEX.HTM": "text/html; charset=utf-8",
    "x.css": "text/css; charset=utf-8",
    "x.js": "text/javascript; charset=utf-8",
    "x.mjs": "text/javascript; charset=utf-8",
    "x.min.js": "text/javascript; charset=utf-8",
    "x.json": "application/json",
    "x.js.map": "application/json",
    "x.svg": "image/svg+xml",
    "x.png": "image/png",
    "x.jpg": "image/jpeg",
    "x.jpeg": "image/jpeg",
    "x.gif": "image/gif",
    "x.ico": "image/x-icon",
    "x.webp": "image/webp",
    "x.woff2": "font/woff2",
    "x.txt": "text/plain; charset=utf-8",
    "x.csv": "text/csv; charset=utf-8",
    "x.xml": "text/xml; charset=utf-8",
    "x.pdf": "application/pdf",
    "x.wasm": "application/wasm",
    "x.css.gz": "application/gzip",
    "x.bin": "application/octet-stream",
    "x.unheard-of": "application/octet-stream",
    "html": "application/octet-stream",
    "x.": "application/octet-stream",
    "txt.d/readme": "application/octet-stream",
    "": "application/octet-stream",
}


def test_content_types(start):
    source = f"from modhttp.files import content_type\nfor name in {list(TYPES)}:\n    print(content_type(name))\n"
    assert output(start(source, wait=False)) == list(TYPES.values())
