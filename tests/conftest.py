"""Starts any program on any target.

A test that takes `server` runs once per target against the program of tests/http/app.py, one instance for all such
tests; one that takes `start` or `program` runs once per target too, with programs of its own.
"""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import target as targets  # noqa: E402


@pytest.fixture(scope="session", params=targets.TARGETS)
def target(request):
    targets.prepare(request.param)
    return request.param


@pytest.fixture(scope="session")
def server(target, tmp_path_factory):
    app = Path(__file__).parent / "http/app.py"
    with targets.Program(target, app, tmp_path_factory.mktemp("server")) as program:
        yield program
        assert program.stop() in (0, -15)


@pytest.fixture
def start(target, tmp_path):
    """start(source, app_port=80, wait=True) runs a program, and ends it after the test."""
    programs = []

    def start_program(source, **options):
        programs.append(targets.Program(target, source, tmp_path, **options))
        return programs[-1]

    yield start_program
    for program in programs:
        program.stop()


@pytest.fixture(scope="module")
def program(target, tmp_path_factory):
    """program(source, files=None, app_port=80): a file, or text, running.

    Started when first asked for, one instance for a module's tests.
    """
    running = {}

    def start_program(source, files=None, **options):
        if source not in running:
            directory = tmp_path_factory.mktemp("program")
            running[source] = targets.Program(target, source, directory, files=files, **options)
        return running[source]

    yield start_program
    for one in running.values():
        one.stop()
