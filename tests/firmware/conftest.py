"""The firmware and the boot ROM, built before the first test of this directory."""

import pytest

import target as targets


@pytest.fixture(scope="session", autouse=True)
def firmware():
    targets.prepare("rp2040")
