"""rom/dashboard.html.gz is what tools/dashboard.py makes of dashboard/: small, and on its own. And images are packed as
mpremote packs them."""

import gzip
import re
import subprocess
import sys

import pytest
from fake_debian import PROJECT

sys.path.append(str(PROJECT / "tools"))

import dashboard  # noqa: E402
import romfs  # noqa: E402

COMMITTED = dashboard.PAGE.read_bytes()
TEXT = gzip.decompress(COMMITTED).decode()


def test_it_is_small():
    assert len(COMMITTED) < 30_000


def test_it_is_made_of_its_sources():
    assert dashboard.page() == TEXT


def test_it_names_no_other_server():
    """But in what is no address of anything that is loaded: a license's text, the name of SVG."""
    assert set(re.findall(r"\w+://[\w./-]+", TEXT)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"""@import|\bimport\(|(?:src|href|url)[=(]["']?//""", TEXT)


def test_the_license_of_the_library_is_in_it():
    library = dashboard.need.node_directory(dashboard.SOURCE) / "node_modules/uplot"
    assert (library / "LICENSE").read_text() in TEXT


@pytest.mark.parametrize("count", [0, 1, 127, 128, 16_384])
def test_images_are_those_of_mpremote(tmp_path, count):
    (tmp_path / "rom/inner/empty").mkdir(parents=True)
    (tmp_path / "rom/a.txt").write_bytes(b"x" * count)
    (tmp_path / "rom/inner/b.txt").write_bytes(b"y" * (count // 2))
    theirs, ours = tmp_path / "theirs.img", tmp_path / "ours.img"
    words = [sys.executable, "-m", "mpremote", "romfs", "--no-mpy", "--output", theirs, "build", tmp_path / "rom"]
    subprocess.run(words, check=True, capture_output=True)
    romfs.write_image(tmp_path / "rom", ours)
    assert ours.read_bytes() == theirs.read_bytes()
