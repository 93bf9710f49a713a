"""All of tests/core once more under AddressSanitizer, which has to be in the process before Python is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .native import ASAN


def files_of_tests():
    """Those that run the core's code."""
    here = Path(__file__).parent
    return [here / f"test_{name}.py" for name in ("cases", "head", "body", "uri", "router", "answer")]


@pytest.mark.skipif(ASAN in os.environ, reason="this is that run")
def test_under_address_sanitizer():
    runtime = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
    ).stdout.strip()
    environment = os.environ | {ASAN: "1", "LD_PRELOAD": os.path.realpath(runtime), "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", "addopts=", "-q", "-x", "-p", "no:cacheprovider", *files_of_tests()],
        check=False,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
