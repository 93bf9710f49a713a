"""The parsers once more as they are on a machine of 32 bits, which reads words only where they are aligned."""

import pytest

from .again import run_again
from .native import MODHTTP, NARROW


@pytest.mark.timeout(1200)  # where many share a processor
def test_with_words_of_32_bits():
    assert "uintptr_t" in (MODHTTP / "core/head.c").read_text(), "narrow.h has to find the type of a word"
    run_again({NARROW: "1"}, ("cases", "head", "usual", "body"))
