import pytest
import site_files as site

import target as targets


@pytest.fixture(scope="session")
def site_program(target, tmp_path_factory):
    """The program of site.py, one for all tests that ask it for files."""
    directory = tmp_path_factory.mktemp("site")
    with targets.Program(target, site.APP, directory, files={}, romfs=site.ROM) as program:
        yield program
        assert program.stop() in (0, -15)
