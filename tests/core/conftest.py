import pytest
from hypothesis import settings

from .native import Core, compile_library

# How long an example takes says more of the machine's other work than of the core.
settings.register_profile("core", deadline=None)
settings.load_profile("core")


@pytest.fixture(scope="session")
def core(tmp_path_factory):
    return Core(compile_library(tmp_path_factory.mktemp("core")))
