from pathlib import Path

import pytest

import target as targets


@pytest.fixture(scope="module")
def program(target, tmp_path_factory):
    """program(source, files={}, app_port=80): a file, or text, running with files beside it.

    Started when first asked for, one instance for a module's tests.
    """
    running = {}

    def start(source, files=None, **options):
        if source not in running:
            directory = tmp_path_factory.mktemp("program")
            running[source] = targets.Program(target, source, directory, files=files or {}, **options)
        return running[source]

    yield start
    for one in running.values():
        one.stop()


@pytest.fixture(scope="session")
def programs():
    """Where the programs are that were written for other servers: a directory for each."""
    return Path(__file__).parent
