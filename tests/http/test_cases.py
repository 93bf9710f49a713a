"""The conversations of tests/http/cases, one test for each on each target."""

import cases
import pytest
from programs import app_with

FILES = {name: cases.read_cases(name) for name in cases.files()}
DEFAULT = [case for settings, found in FILES.values() if not settings for case in found]
SMALL = [(settings, case) for settings, found in FILES.values() if settings for case in found]


@pytest.mark.parametrize("case", DEFAULT, ids=str)
def test_case(server, case):
    cases.play(case, server)


@pytest.mark.parametrize(("settings", "case"), SMALL, ids=[str(case) for _, case in SMALL])
def test_case_with_settings(program, settings, case):
    cases.play(case, program(app_with(settings)))
