from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def programs():
    """Where the programs are that were written for other servers: a directory for each."""
    return Path(__file__).parent
