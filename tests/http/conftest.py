import pytest

import target as targets


@pytest.fixture(scope="module")
def program(target, tmp_path_factory):
    """program(text): the program of that text, running; one of each for a module's tests."""
    running = {}

    def start(text):
        if text not in running:
            running[text] = targets.Program(target, text, tmp_path_factory.mktemp("program"))
        return running[text]

    yield start
    for one in running.values():
        one.stop()
