"""The health tests of the noise source: their limits, and what a working source and broken ones look like."""

import math
import random

import pytest

WINDOW, RUN, SAME = 1024, 81, 915


def plausible(core, bits):
    data = bytes(sum(bit << n for n, bit in enumerate(bits[i:i + 8])) for i in range(0, len(bits), 8))
    return core.lib.mh_noise_is_plausible(core.input.put(data), len(data))


def noise(seed, count=4 * WINDOW, bias=0.5):
    source = random.Random(seed)
    return [int(source.random() < bias) for _ in range(count)]


def test_limits_are_those_of_the_standard():
    """SP 800-90B 4.4.1 and 4.4.2: a quarter bit of entropy in each, one false alarm in 2 ** 20."""
    likeliest = 2 ** -0.25

    def chance(k):
        terms = math.lgamma(WINDOW + 1) - math.lgamma(k + 1) - math.lgamma(WINDOW - k + 1)
        return math.exp(terms + k * math.log(likeliest) + (WINDOW - k) * math.log(1 - likeliest))

    assert RUN == 1 + math.ceil(20 / 0.25)
    tails = [sum(chance(k) for k in range(limit, WINDOW + 1)) for limit in (SAME, SAME - 1)]
    assert tails[0] <= 2 ** -20 < tails[1]


@pytest.mark.parametrize("seed", range(20))
def test_a_source_that_works(core, seed):
    assert plausible(core, noise(seed))
    assert plausible(core, noise(seed, bias=0.7))


@pytest.mark.parametrize("bits", [
    [], noise(1, WINDOW - 8), [0] * WINDOW, [1] * WINDOW, [0, 1] * WINDOW, [1, 0] * WINDOW,
    [0] * 7 + [1] + [0] * (WINDOW - 8), noise(1, bias=0.97), noise(2, bias=0.03), noise(3)[:-RUN] + [1] * RUN,
    noise(3)[:-RUN] + [0] * RUN,
], ids=["none", "too few", "zeros", "ones", "alternating", "alternating from 1", "nearly zeros", "mostly 1", "mostly 0",
        "ends stuck", "ends stuck at 0"])
def test_broken_sources(core, bits):
    assert not plausible(core, bits)


def with_run(length):
    """Noise of which `length` equal bits are the longest run, at its end."""
    bits = noise(5, 2 * WINDOW)
    bits[-length:] = [1] * length
    bits[-length - 1] = 0
    return bits


def test_longest_run(core):
    assert plausible(core, with_run(RUN - 1))
    assert not plausible(core, with_run(RUN))


def with_same(count):
    """A window in which `count` bits are like its first, the others spread among them."""
    others = WINDOW - count
    places = {(2 * i + 1) * WINDOW // (2 * others) for i in range(others)}
    return [int(i in places) for i in range(WINDOW)]


def test_most_alike(core):
    for flip in (0, 1):
        assert plausible(core, [bit ^ flip for bit in with_same(SAME - 1)])
        assert not plausible(core, [bit ^ flip for bit in with_same(SAME)])
    assert not plausible(core, noise(4, WINDOW) + with_same(SAME)), "in any window"
