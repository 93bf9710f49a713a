"""Numbers as text; floats against exact arithmetic."""

import math
import random
import re
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

INFINITY = 0x7F800000
SAMPLES = 20_000


def text(core, name, value):
    room = core.output.room(getattr(core.lib, f"MH_{name.upper()}_MAX"))
    return core.bytes(room, getattr(core.lib, f"mh_{name}")(value, room)).decode()


def float_of(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def interval(bits):
    """The exact ends of what is rounded to a positive float, and whether they belong to it."""
    here, below = Fraction(float_of(bits)), Fraction(float_of(bits - 1))
    above = Fraction(float_of(bits + 1)) if bits + 1 < INFINITY else here + (here - below)
    return (below + here) / 2, (here + above) / 2, bits % 2 == 0


def shortest(bits):
    """The shortest decimal in the interval, of these the nearest to the float; of two as near the even one."""
    low, high, closed = interval(bits)
    here = Fraction(float_of(bits))
    exponent = math.floor(math.log10(high)) + 2
    while True:
        unit = Fraction(10) ** exponent
        near = math.floor(here / unit)
        inside = [n for n in (near, near + 1) if low < n * unit < high or (closed and n * unit in (low, high))]
        if inside:
            return min(inside, key=lambda n: (abs(n * unit - here), n % 2)) * unit
        exponent -= 1


@pytest.mark.parametrize("value", [0, 1, 9, 10, 99, 100, 12345, 999999999, 1000000000, 2**31 - 1, -1, -10, -(2**31)])
def test_int(core, value):
    assert text(core, "int", value) == str(value)


@pytest.mark.parametrize("value", [0, 7, 10, 4294967295, 4000000000])
def test_decimal(core, value):
    assert text(core, "decimal", value) == str(value)


@pytest.mark.parametrize("value", [
    "0.0", "-0.0", "1.0", "-1.5", "21.5", "0.1", "0.3", "3.1415927", "16777216.0", "100000.0", "0.001", "0.0001",
    "1e-05", "1.2e-05", "1234568000000000.0", "1e+16", "1.234568e+16", "-3.4028235e+38", "1e-45", "1.1754944e-38",
])
def test_float(core, value):
    """As Python writes the float that the text is nearest to."""
    assert text(core, "float", float(value)) == value


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_no_number(core, value):
    assert text(core, "float", value) == "null"


def some_floats():
    """Bits: around each power of two, and at random."""
    chance = random.Random(1)
    edges = {(exponent << 23) + offset for exponent in range(256) for offset in (-2, -1, 0, 1, 2, 0x400000)}
    yield from sorted(bits for bits in edges if 0 < bits < INFINITY)
    yield from (chance.randrange(1, INFINITY) for _ in range(SAMPLES))


def test_two_digits(core):
    for value in range(100):
        room = core.output.room(2)
        core.lib.mh_two_digits(value, room)
        assert core.bytes(room, 2) == b"%02d" % value


def test_shortest_floats(core):
    for bits in some_floats():
        written = text(core, "float", float_of(bits))
        assert Fraction(written) == shortest(bits), hex(bits)
        assert written == repr(float(written)), "it is written as Python writes it"


@pytest.mark.parametrize(("value", "scale", "expected"), [
    (21500, 1000, "21.5"), (-5, 1000, "-0.005"), (3000, 1000, "3.0"), (0, 1000, "0.0"), (100, 10, "10.0"),
    (12345, 100, "123.45"), (-(2**31), 1000, "-2147483.648"), (2**31 - 1, 10**9, "2.147483647"),
    (1, 10**9, "0.000000001"),
    (1, 2, "0.5"), (1, 3, "0.33333334"), (-7, 2**31 - 1, "-3.259629e-09"), (3, 10**9 + 1, "3e-09"),
    (4, 11, "0.36363637"),
])
def test_scaled(core, value, scale, expected):
    room = core.output.room(core.lib.MH_SCALED_MAX)
    assert core.bytes(room, core.lib.mh_scaled(value, scale, room)).decode() == expected


@given(st.integers(-(2**31), 2**31 - 1), st.integers(1, 9))
def test_scaled_exactly(core, value, zeros):
    room = core.output.room(core.lib.MH_SCALED_MAX)
    written = core.bytes(room, core.lib.mh_scaled(value, 10**zeros, room)).decode()
    assert Fraction(written) == Fraction(value, 10**zeros)
    assert re.fullmatch(r"-?(0|[1-9]\d*)\.(0|\d*[1-9])", written)


@pytest.mark.parametrize(("text", "limit", "expected"), [
    (b"0", 9, 0), (b"9", 9, 9), (b"10", 9, None), (b"007", 9, 7), (b"", 9, None), (b"-1", 9, None), (b"1 ", 9, None),
    (b"4294967295", 2**32 - 1, 2**32 - 1), (b"4294967296", 2**32 - 1, None), (b"42949672950", 2**32 - 1, None),
    (b"2147483647", 2**31 - 1, 2**31 - 1), (b"2147483648", 2**31 - 1, None), (b"9" * 30, 2**32 - 1, None),
    (b"/", 9, None), (b":", 9, None), (b"\xb1", 9, None),
])
def test_decimal_read(core, text, limit, expected):
    value = core.ffi.new("uint32_t *")
    assert core.lib.mh_decimal_read(core.input.put(text), len(text), limit, value) == (expected is not None)
    assert expected is None or value[0] == expected
