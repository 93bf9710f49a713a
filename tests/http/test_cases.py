"""The conversations of tests/http/cases, one test for each on each target."""

from pathlib import Path

import cases
import pytest

APP = Path(__file__).parent / "app.py"

FILES = {name: cases.read_cases(name) for name in cases.files()}
DEFAULT = [case for settings, found in FILES.values() if not settings for case in found]
SMALL = [(settings, case) for settings, found in FILES.values() if settings for case in found]


@pytest.mark.parametrize("case", DEFAULT, ids=str)
def test_case(server, case):
    cases.play(case, server)


def app_with(settings):
    """The text of app.py, with its Server made by another call."""
    text = APP.read_text()
    assert text.count("modhttp.Server()") == 1
    return text.replace("modhttp.Server()", f"modhttp.{settings}")


@pytest.mark.parametrize(("settings", "case"), SMALL, ids=[str(case) for _, case in SMALL])
def test_case_with_settings(program, settings, case):
    cases.play(case, program(app_with(settings)))
