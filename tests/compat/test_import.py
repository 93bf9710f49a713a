"""Every drop-in can be imported on the board, for a small part of its heap."""

from pathlib import Path

import pytest

import emulated
import target

COMPAT = Path(__file__).resolve().parents[2] / "python/compat"
LIMIT = 8192  # bytes

# The manifests freeze what is in circuitpython/ beside the others.
MODULES = sorted(
    ".".join(path.relative_to(COMPAT).with_suffix("").parts).removesuffix(".__init__").removeprefix("circuitpython.")
    for path in COMPAT.rglob("*.py")
)

COST = """
import gc
gc.collect()
before = gc.mem_alloc()
import {}
gc.collect()
print(gc.mem_alloc() - before)
"""


@pytest.fixture(scope="module")
def board():
    target.prepare("rp2040")
    with emulated.Board() as board:
        yield board


@pytest.mark.parametrize("module", MODULES)
def test_import_is_cheap(board, module):
    board.ask("reset")
    result = board.exec(COST.format(module))
    assert result.stderr == ""
    assert int(result.stdout) < LIMIT


def test_uasyncio(board):
    """Programs of its time import asyncio by its old name."""
    assert board.exec("import uasyncio\nprint(uasyncio.sleep_ms)").stdout.startswith("<")
