"""All of tests/core once more under AddressSanitizer, which has to be in the process before Python is."""

import os
import subprocess

import pytest

from .again import run_again
from .native import ASAN


@pytest.mark.timeout(1200)  # where many share a processor
@pytest.mark.skipif(ASAN in os.environ, reason="this is that run")
def test_under_address_sanitizer():
    runtime = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
    ).stdout.strip()
    run_again({ASAN: "1", "LD_PRELOAD": os.path.realpath(runtime), "ASAN_OPTIONS": "detect_leaks=0"})
