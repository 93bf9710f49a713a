"""`make romfs DIR=…`, and `make run ROMFS=…`, as a user types them."""

import gzip
import os
import random
from pathlib import Path

import pytest

import target as targets
from typed import make, refusal

ROOT = Path(__file__).resolve().parents[2]

LIST = """
from modhttp.static import mapped
for path, data in sorted(mapped("/rom").items()):
    print(path, bytes(data))
"""
PAGE = b"<p>again and again</p>\n" * 50
NOISE = random.Random(1).randbytes(300)


def run(target, app, **settings):
    """What a program prints."""
    words = [f"{name}={value}" for name, value in settings.items()]
    done = make("run", f"APP={app}", f"TARGET={target}", f"PORT={targets.free_port()}", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.fixture(scope="module", params=["host", "rp2040"])
def built(request):
    targets.prepare(request.param)
    return request.param


@pytest.fixture(scope="module")
def board():
    targets.prepare("rp2040")
    return "rp2040"


@pytest.fixture
def www(tmp_path):
    """A directory to pack, and a program that lists what is at /rom."""
    (tmp_path / "list.py").write_text(LIST)
    www = tmp_path / "my www"
    (www / "css").mkdir(parents=True)
    (www / "index.html").write_bytes(PAGE)
    (www / "css/site.css").write_bytes(PAGE)
    (www / "css/site.css.gz").write_bytes(b"one's own")
    (www / "noise.txt").write_bytes(NOISE)
    (www / "photo.png").write_bytes(PAGE)
    return www


def twins(packed):
    return sorted(name for name in packed if name.endswith(".gz"))


def test_packed_and_served(www, built):
    done = make("romfs", f"DIR={www}")
    small = gzip.compress(PAGE, 9, mtime=0)
    image = ROOT / "build/romfs.img"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{len(PAGE):>9,}  css/site.css",
        "        9  css/site.css.gz",
        f"{len(PAGE):>9,}  index.html  and index.html.gz, {len(small)}",
        "      300  noise.txt",
        f"{len(PAGE):>9,}  photo.png",
        f"{image.stat().st_size:>9,}  build/romfs.img, of 262,144 that the boards have",
    ]
    packed = run(built, www.parent / "list.py", ROMFS="build/romfs.img")
    assert packed == {
        "css/site.css": repr(PAGE), "css/site.css.gz": repr(b"one's own"), "index.html": repr(PAGE),
        "index.html.gz": repr(small), "noise.txt": repr(NOISE), "photo.png": repr(PAGE),
    }
    before = image.read_bytes()
    make("romfs", f"DIR={www}")
    assert image.read_bytes() == before


def test_run_packs_a_directory_each_time(www, built):
    assert twins(run(built, www.parent / "list.py", ROMFS=www)) == ["css/site.css.gz", "index.html.gz"]
    (www / "index.html").unlink()
    (www / "new.svg").write_bytes(PAGE)
    assert twins(run(built, www.parent / "list.py", ROMFS=www)) == ["css/site.css.gz", "new.svg.gz"]


def test_what_romfs_says_wins_over_the_kept_flash(www, board, tmp_path):
    app, flash = www.parent / "list.py", tmp_path / "flash.bin"
    first = run(board, app, ROMFS=www, FLASH=flash)
    assert run(board, app, FLASH=flash) == first
    (www / "index.html").unlink()
    assert "index.html" not in run(board, app, ROMFS=www, FLASH=flash)


def test_mistakes_are_one_clear_line():
    words = "run", "APP=examples/hello.py"
    assert refusal("romfs") == "modhttp: DIR is not a directory: DIR= names the one to pack"
    assert refusal("romfs", "DIR=Makefile") == "modhttp: Makefile is not a directory: DIR= names the one to pack"
    assert refusal(*words, "ROMFS=nowhere") == (
        "modhttp: nowhere is not there: ROMFS= names a directory, or an image that make romfs made of one")
    assert refusal(*words, "ROMFS=Makefile") == (
        "modhttp: Makefile is not a ROMFS image: make romfs DIR=... makes one, or name the directory itself")


def test_what_romfs_cannot_hold(tmp_path):
    large, names, links, pipes = (tmp_path / name for name in ("large", "names", "links", "pipes"))
    for directory in (large, names, links, pipes):
        directory.mkdir()
    (large / "noise.bin").write_bytes(random.Random(1).randbytes(262_144))
    (names / "\N{LATIN SMALL LETTER E WITH ACUTE}.txt").write_bytes(b"")
    (links / "up").symlink_to(tmp_path)
    os.mkfifo(pipes / "pipe")
    assert refusal("romfs", f"DIR={large}").endswith(" bytes as a ROMFS image, the boards have 262,144")
    assert refusal("romfs", f"DIR={names}").endswith("has a name that ROMFS cannot hold: ASCII only")
    assert refusal("romfs", f"DIR={links}").endswith("is a link to a directory, which ROMFS does not have")
    assert refusal("romfs", f"DIR={pipes}").endswith("is neither a file nor a directory")
