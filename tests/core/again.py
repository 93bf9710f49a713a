"""The tests that run the core's code once more, in a process of its own, with a core compiled in another way."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = (
    "cases", "head", "usual", "body", "uri", "cookie", "router", "answer", "number", "sensor", "select", "range",
    "multipart", "log", "dns", "auth", "throttle", "noise", "ws",
)


def run_again(environment, tests=TESTS):
    files = [Path(__file__).parent / f"test_{name}.py" for name in tests]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", "addopts=", "-q", "-x", "-p", "no:cacheprovider", *files],
        check=False,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
