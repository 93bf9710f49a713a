"""The conversations of tests/http/cases, one test for each on each target; and those of tests/core/cases, on the wire."""

from pathlib import Path

import cases
import pytest
import target as targets

APP = Path(__file__).parent / "app.py"

FILES = {name: cases.read_cases(name) for name in cases.files()}
DEFAULT = [case for settings, found in FILES.values() if not settings for case in found]
SMALL = [(settings, case) for settings, found in FILES.values() if settings for case in found]


@pytest.mark.parametrize("case", DEFAULT, ids=str)
def test_case(server, case):
    cases.play(case, server)


@pytest.fixture(scope="module")
def servers(target, tmp_path_factory):
    """servers(settings): the program of app.py, with its Server made by another call."""
    running = {}

    def server(settings):
        if settings not in running:
            text = APP.read_text()
            assert text.count("modhttp.Server()") == 1
            text = text.replace("modhttp.Server()", f"modhttp.{settings}")
            running[settings] = targets.Program(target, text, tmp_path_factory.mktemp("settings"))
        return running[settings]

    yield server
    for program in running.values():
        program.stop()


@pytest.mark.parametrize(("settings", "case"), SMALL, ids=[str(case) for _, case in SMALL])
def test_case_with_settings(servers, settings, case):
    cases.play(case, servers(settings))
