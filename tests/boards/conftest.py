"""What is tested here builds firmware, or is about to: the compilers first."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tools"))

import build  # noqa: E402
import need  # noqa: E402


@pytest.fixture(scope="session")
def tree():
    """MicroPython's, from Debian's packages or from MICROPYTHON_DIR."""
    need.ensure(["firmware"])
    return Path(build.source_tree("firmware"))


@pytest.fixture(scope="session", autouse=True)
def firmware(tree):
    """MODHTTP_PICO's, built before the clock of any test runs."""
    return build.firmware()
