"""What `import modhttp` says where the firmware is not modhttp's: on a MicroPython without the C module."""

import os
import subprocess

import pytest

import build
import need


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
