"""The head parser on a Cortex-M0+, in the emulator's processor: what it costs, and that it says what it says here.

bench/parser.py compiles it as for the firmware; `make parser` prints more figures.
"""

import sys

import pytest

from .native import ROOT
from .test_usual import HEADS, Parser

sys.path.append(str(ROOT / "bench"))

import parser as bench  # noqa: E402

# Cycles per byte, wherever the request lies in a word, with gcc 12.2 (Debian bookworm) and 14.2 (trixie).
LIMIT = 8
BYTES = b"\x00\t\n\r %:A\x7f\x80\xff"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    return bench.board_program(tmp_path_factory.mktemp("board"))


@pytest.mark.parametrize("name", ["curl", "browser"])
def test_cycles_per_byte(board, name):
    request = bench.REQUESTS[name]
    assert bench.cycles(board, "run_modhttp", "mh_head_parse", request) <= LIMIT * len(request)


@pytest.mark.parametrize(("accept", "limit"), [
    ("*/*", 60), ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 2000),
])
def test_cycles_of_the_usual_accept(board, accept, limit):
    [answer] = bench.call(board, [{"run": "run_accept", "count": "mh_accept_type", "data": accept}])
    assert answer["result"] == 0
    assert answer["cycles"] <= limit


@pytest.mark.parametrize("name", HEADS)
def test_the_same_as_here(board, core, name):
    """With an unusual byte at every place, the head at each place in a word and at the end of memory or near it."""
    head, parser = HEADS[name], Parser(core)
    texts = [head, *(head[:place] + bytes([byte]) + head[place + 1 :] for place in range(len(head)) for byte in BYTES)]
    texts += [head[:end] for end in range(len(head))]
    calls = [{"run": "run_modhttp", "data": text.decode("latin-1"), "spare": n % 4} for n, text in enumerate(texts)]
    for text, answer in zip(texts, bench.call(board, calls), strict=True):
        result, _ = parser.outcome(text)
        assert answer["result"] == (parser.head.len if result == 1 else result), text
