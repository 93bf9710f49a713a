"""What is to be secret on the board: its noise source, and how long comparisons take."""

import pytest

from emulated import Board

DIGITS = "from modhttp.secrets import random_hex; print(random_hex(32), random_hex(32))"


def digits(**options):
    with Board(**options) as board:
        return board.exec(DIGITS).stdout.split()


def test_randomness_is_of_the_noise():
    one, other = digits(seed=1), digits(seed=2)
    assert one == digits(seed=1), "which the emulator repeats"
    assert len({*one, *other}) == 4 and {len(word) for word in one} == {64}


@pytest.mark.parametrize("randombit", ["stuck", "alternating"])
@pytest.mark.parametrize("program", [
    "from modhttp.auth import Digest; Digest({})",
    "from modhttp.session import Sessions; Sessions()",
    "from modhttp.session import Sessions; Sessions(b'0123456789abcdef')",
    "from modhttp.auth import hash_password; hash_password('secret')",
    "from modhttp.auth import Basic; Basic({'me': 'pbkdf2-sha256$1$00$' + 64 * '0'})",
])
def test_nothing_starts_without(randombit, program):
    """And os.urandom() does not tell."""
    with Board(randombit=randombit) as board:
        assert board.exec(program).stderr.rstrip().endswith(
            "OSError: no randomness: the bits of the noise source (on the RP2040 ROSC's RANDOMBIT) do not vary enough")
        assert len(set(board.exec("import os; print(list(os.urandom(16)))").stdout.split())) > 8


def test_what_needs_none_does_not_ask():
    with Board(randombit="stuck") as board:
        assert board.exec("from modhttp.auth import *; Basic({'me': 'secret'}); Bearer(['a'])").stderr == ""


@pytest.fixture(scope="module")
def board():
    with Board() as one:
        one.exec("from _modhttp import same")
        yield one


def cycles(board, given, secret):
    board.exec(f"given, secret = {given!r}, {secret!r}")
    board.profile()
    assert board.exec("for _ in range(20): same(given, secret)").stderr == ""
    return board.profile(on=False)["mh_equal"]


def test_comparisons_tell_nothing_by_their_time(board):
    """To the cycle: neither how much of it is right, nor how long the secret is."""
    secret = "bWU6b3BlbiBzZXNhbWU="
    right = cycles(board, secret, secret)
    assert right > 20 * 5 * len(secret)
    for given in ("x" + secret[1:], secret[:10] + "x" * 10, secret[:-1] + "x", "x" * len(secret)):
        assert cycles(board, given, secret) == right
    for other in ("", "b", secret[:-1], secret + "b", secret * 9, "x" * 400):
        assert cycles(board, secret, other) == right, other
