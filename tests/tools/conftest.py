import pytest
from fake_debian import Machine, Mirror


@pytest.fixture
def mirror(tmp_path):
    return Mirror(tmp_path / "mirror")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)
