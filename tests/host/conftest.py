import pytest

import target as targets


@pytest.fixture(scope="session", autouse=True)
def host_build():
    targets.prepare("host")
