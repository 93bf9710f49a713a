"""The core's corpus once more, over sockets: what the core says of some bytes is what the server answers."""

import corpus
import pytest

import target as targets

CASES = corpus.all_cases()

# Variants of a case that are sent: a case may have one for each of 256 bytes, and the core's own tests have had them
# all. Each target gets others of them.
SAMPLES = {"host": 12, "sanitized": 4, "rp2040": 3}

# Bytes of a case that is sent byte by byte.
APART_MAX = 3000


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(program, target, case):
    for variant in corpus.sample(case, SAMPLES[target], targets.TARGETS.index(target)):
        corpus.play(case, variant, program(corpus.program(case)))


@pytest.mark.parametrize("target", ["host"], indirect=True)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_byte_by_byte(program, case):
    for variant in corpus.sample(case, 3, 1):
        if len(variant.data) <= APART_MAX:
            corpus.play(case, variant, program(corpus.program(case)), apart=True)
