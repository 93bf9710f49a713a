"""A module's program APP on each of its TARGETS, one instance for all of its tests."""

import pytest

from links import fresh_client_is_served, serving, wait_for_quiet


def pytest_generate_tests(metafunc):
    chosen = any("server" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "server" in metafunc.fixturenames and not chosen:
        targets = getattr(metafunc.module, "TARGETS", ("host", "sanitized", "rp2040"))
        metafunc.parametrize("server", targets, indirect=True, scope="module")


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    with serving(request.param, request.module.APP, tmp_path_factory.mktemp("wire")) as server:
        yield server


@pytest.fixture
def nothing_left(server):
    """The figures before the test; after it a fresh client is served, and they are as before."""
    server.state()  # the first answer of a kind keeps some memory for good
    before = wait_for_quiet(server)
    yield before
    fresh_client_is_served(server)
    wait_for_quiet(server, before)
