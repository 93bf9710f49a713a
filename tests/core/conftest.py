import pytest

from .native import Core, compile_library


@pytest.fixture(scope="session")
def core(tmp_path_factory):
    return Core(compile_library(tmp_path_factory.mktemp("core")))
