"""What is released: the same bytes wherever it is built, a UF2 that brings its files along, and what is said of it."""

import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys

import checkout
import pytest

import budget
import build
import common
import dist
import emulated
import target as targets

ROOT = build.ROOT
PAGE = b"<!doctype html>" + bytes(range(256)) * 20
FLASH = 0x10000000


@pytest.fixture(scope="module")
def made(tree, tmp_path_factory):
    """dist/ with a page in /rom, somewhere else: (directory, manifest, image)."""
    here = tmp_path_factory.mktemp("dist")
    image = targets.image_of({"index.html": PAGE}, here)
    into = here / "dist"
    return into, dist.write(into, ["MODHTTP_PICO"], image), image


def flash_of(uf2):
    """What a board that was erased holds after it has taken the UF2."""
    blocks = dist.contents(uf2)
    numbers = [struct.unpack_from("<II", uf2.read_bytes(), 512 * at + 20) for at in range(len(blocks))]
    assert numbers == [(at, len(blocks)) for at in range(len(blocks))]
    flash = bytearray(b"\xff" * budget.FLASH)
    sectors = {}
    for address, payload in blocks:
        at = address - FLASH
        flash[at:at + len(payload)] = payload
        sectors.setdefault(at // 4096, set()).add(at % 4096)
    assert all(len(pages) == 16 for pages in sectors.values())
    return bytes(flash)


def test_the_uf2_is_firmware_and_image(made):
    into, manifest, image = made
    flash = flash_of(into / "MODHTTP_PICO.uf2")
    firmware = b"".join(payload for _, payload in dist.contents(build.firmware()))
    data = image.read_bytes()
    (_, room), (romfs, _) = budget.flash_map()["firmware"], budget.flash_map()["romfs"]
    assert flash[:room] == firmware + b"\xff" * (room - len(firmware))
    assert flash[room:] == data + b"\xff" * (budget.FLASH - room - len(data))
    assert romfs == FLASH + room == 0x10100000


def test_the_board_finds_its_files(made):
    targets.prepare("rp2040")
    with emulated.Board(uf2=made[0] / "MODHTTP_PICO.uf2") as board:
        read = "import hashlib\nprint(hashlib.sha256(open('/rom/index.html', 'rb').read()).digest().hex())"
        assert board.exec(read).stdout.strip() == hashlib.sha256(PAGE).hexdigest()
        said = board.exec("import sys, modhttp\nprint(sys.implementation._machine, modhttp.__version__)").stdout
        assert said.strip() == f"modhttp {dist.version()} on Raspberry Pi Pico with RP2040 {dist.version()}"


def test_checksums(made):
    into, manifest, _ = made
    files = sorted(path.name for path in into.iterdir())
    assert files == ["MODHTTP_PICO.uf2", "SHA256SUMS", "manifest.json"]
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=into, check=True, capture_output=True,
                          text=True)
    assert done.stdout.splitlines() == ["MODHTTP_PICO.uf2: OK", "manifest.json: OK"]
    assert json.loads((into / "manifest.json").read_text()) == manifest


def test_manifest(made):
    into, manifest, image = made
    assert manifest["modhttp"] == dist.version()
    pinned = json.loads((ROOT / "micropython/sources.json").read_text())["parts"]
    if "MICROPYTHON_DIR" not in os.environ:
        assert {part["name"]: part["sha256"] for part in manifest["sources"]} == {
            part["name"]: part["sha256"] for part in pinned}
    assert manifest["toolchain"]["compiler"].startswith("arm-none-eabi-gcc")
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["toolchain"]["newlib"])
    assert manifest["romfs"]["sha256"] == dist.sha256(image)
    entry = manifest["boards"]["MODHTTP_PICO"]
    assert entry["sha256"] == dist.sha256(into / "MODHTTP_PICO.uf2")
    assert entry["ram"]["static"] + entry["ram"]["heap"] + entry["ram"]["stack"] == 264 << 10
    assert entry["flash"]["firmware"] < entry["flash"]["firmware_room"] == 1 << 20


def test_the_budget_is_printed_after_a_build():
    command = [sys.executable, ROOT / "tools/build.py", "firmware"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert re.search(r"modhttp: MODHTTP_PICO, flash: firmware [\d,]+ of 1,048,576 bytes \(\d+ %\), ROMFS 262,144, "
                     r"file system 786,432\n", done.stderr)
    assert re.search(r"modhttp: MODHTTP_PICO, RAM: [\d,]+ static \([\d,]+ for lwIP's pools\), [\d,]+ stack, "
                     r"[\d,]+ left for Python's heap\n", done.stderr)
    assert done.stdout.strip() == str(build.BUILD / "firmware/MODHTTP_PICO.uf2")


def test_the_budget_is_what_the_page_says():
    text = (ROOT / "docs/boards.md").read_text()
    said = {name: int(number) for name, number in re.findall(r"^\| ([^|]+) \| (\d+) \| ", text, re.MULTILINE)}
    now = budget.of("MODHTTP_PICO", build.firmware().with_suffix(".elf"))
    real = {"flash: firmware": now["flash"]["firmware"], "RAM: static": now["ram"]["static"],
            "of it lwIP's pools and heap": now["ram"]["lwip"], "RAM: left for Python's heap": now["ram"]["heap"],
            "RAM: stack, with what interrupts need on top of Python's": now["ram"]["stack"]}
    assert said == {name: pytest.approx(size / 1000, rel=0.03, abs=0.6) for name, size in real.items()}


def test_python_has_the_heap_that_the_budget_says():
    targets.prepare("rp2040")
    with emulated.Board() as board:
        told = int(board.exec("import gc\nprint(gc.mem_free() + gc.mem_alloc())").stdout)
    heap = budget.of("MODHTTP_PICO", build.BUILD / "firmware/MODHTTP_PICO.elf")["ram"]["heap"]
    assert heap * 0.97 < told <= heap  # the collector's own tables are in it


# ---- what picotool reads

INFORMATION, END = 0x7188EBF2, 0xE71AA390
RASPBERRY_PI, PROGRAM_NAME, VERSION, FEATURE = 0x5052, 0x02031C86, 0x11A9BC3A, 0xA1F4B453


def program_information(flash):
    """{id: [strings]} of the binary information in the image (pico-sdk, pico/binary_info)."""
    second = 256  # after the boot loader's second stage, which is the flash's first page
    at = next(at for at in range(second, second + 256, 4) if struct.unpack_from("<I", flash, at)[0] == INFORMATION)
    _, start, end, _, marker = struct.unpack_from("<5I", flash, at)
    assert marker == END
    found = {}
    for pointer in range(start - FLASH, end - FLASH, 4):
        entry = struct.unpack_from("<I", flash, pointer)[0] - FLASH
        kind, tag = struct.unpack_from("<HH", flash, entry)
        if (kind, tag) == (6, RASPBERRY_PI):  # an id, and a string
            number, text = struct.unpack_from("<II", flash, entry + 4)
            found.setdefault(number, []).append(flash[text - FLASH:flash.index(b"\0", text - FLASH)].decode())
    return found


def test_picotool_can_tell_what_it_is(made):
    found = program_information(flash_of(made[0] / "MODHTTP_PICO.uf2"))
    assert found[PROGRAM_NAME] == ["MicroPython"] and found[VERSION] == ["v1.25.0"]
    assert f"modhttp {dist.version()}" in found[FEATURE]


# ---- the same bytes

@pytest.fixture(scope="module")
def second(tree, tmp_path_factory):
    """The firmware, built from nothing by a copy of the project, from a copy of MicroPython, elsewhere."""
    place = tmp_path_factory.mktemp("elsewhere") / "a-longer-name"
    project = place / "project"
    shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns(".git", "build", "dist", "__pycache__", ".*_cache"))
    environment = os.environ | {"MICROPYTHON_DIR": str(checkout.link(tree, place / "upstream"))}
    done = subprocess.run([sys.executable, project / "tools/build.py", "firmware"], env=environment, check=False,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return project / "build/firmware/MODHTTP_PICO.uf2"


def test_two_builds_are_equal(second):
    """Other directories, another time, MICROPYTHON_DIR: nothing of it is in the firmware."""
    assert second.read_bytes() == build.firmware().read_bytes()


def test_what_is_released_is_what_is_built(tmp_path):
    if not (dist.DIST / "manifest.json").is_file():
        pytest.skip("nothing is released yet: make release")
    released = json.loads((dist.DIST / "manifest.json").read_text())
    if released["inputs"] != dist.inputs():
        pytest.skip(f"the sources have changed since modhttp {released['modhttp']} was released")
    if released["toolchain"] != dist.toolchain():
        pytest.skip(f"another toolchain made the release: {released['toolchain']['compiler']}")
    image = dist.romfs.image_of(dist.PAGES) if dist.PAGES.is_dir() else None
    assert dist.write(tmp_path, ["MODHTTP_PICO"], image)["boards"] == released["boards"]
    assert (tmp_path / "MODHTTP_PICO.uf2").read_bytes() == (dist.DIST / "MODHTTP_PICO.uf2").read_bytes()


def test_the_released_directory_is_whole():
    if not dist.DIST.is_dir():
        pytest.skip("nothing is released yet: make release")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=dist.DIST, check=True)
    released = json.loads((dist.DIST / "manifest.json").read_text())
    assert released["modhttp"] == dist.version(), "a version is released with its dist/: make release"


# ---- refusals

def test_interrupts_that_need_more_stack_than_is_reserved(firmware, monkeypatch):
    elf = firmware.with_suffix(".elf")
    budget.check_stack("MODHTTP_PICO", elf)
    monkeypatch.setattr(budget, "stack_reserve", lambda board: 1000)
    with pytest.raises(common.Refusal, match="MODHTTP_PICO: stack_depth: .* more than the reserve of 1000"):
        budget.check_stack("MODHTTP_PICO", elf)


def test_a_board_that_is_not_there(tmp_path):
    with pytest.raises(common.Refusal, match="no board is called NONE"):
        dist.write(tmp_path, ["NONE"], None)


def test_firmware_that_does_not_fit(tmp_path):
    large = tmp_path / "large.uf2"
    dist.write_uf2(dist.sectors(FLASH, bytes((1 << 20) + 1)), large)
    with pytest.raises(common.Refusal, match="there is room for 1,048,576"):
        dist.combine(large, None, tmp_path / "out.uf2")
