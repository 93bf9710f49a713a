"""What `import modhttp` says where the firmware is not modhttp's, or that of another modhttp."""

import os
import shutil
import subprocess

import pytest

import build
import need
import target as targets


@pytest.fixture(scope="module")
def stock():
    """MicroPython as it comes: its smallest variant, which is built in seconds."""
    need.ensure(["host"])
    tree, product = build.source_tree("host"), build.BUILD / "stock/micropython"
    return build.build(product, "MicroPython without modhttp", [],
                       ["make", "-s", "-C", f"{tree}/ports/unix", f"-j{os.cpu_count()}", "VARIANT=minimal",
                        "FROZEN_MANIFEST=", f"BUILD={product.parent}"])


@pytest.mark.parametrize("module", ["modhttp", "modhttp.auth"])
def test_import_says_what_is_missing(stock, module):
    done = subprocess.run([stock, "-c", f"import {module}"], check=False, capture_output=True, text=True,
                          cwd=build.ROOT / "python")
    assert done.returncode == 1
    assert (done.stdout + done.stderr).splitlines()[-1] == (
        "ImportError: modhttp needs its own firmware: flash the board with a UF2 of modhttp (make flash)")


def test_another_version_of_the_python_layer_is_told(tmp_path):
    targets.prepare("host")
    shutil.copytree(build.ROOT / "python/modhttp", tmp_path / "modhttp")
    init = tmp_path / "modhttp/__init__.py"
    text = init.read_text()
    init.write_text(text.replace('__version__ = "', '__version__ = "1'))
    done = subprocess.run([build.host(), "-c", "import modhttp"], check=False, capture_output=True, text=True,
                          cwd=tmp_path)
    version = text.partition('__version__ = "')[2].partition('"')[0]
    assert done.returncode == 1
    assert (done.stdout + done.stderr).splitlines()[-1] == (
        f"ImportError: modhttp 1{version} needs its own firmware, not that of modhttp {version}")
