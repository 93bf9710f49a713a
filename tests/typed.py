"""`make` as a user types it: without what a make above the tests hands down."""

import subprocess

import build
from target import ROOT


def make(*words, cwd=ROOT, timeout=280, **environment):
    """Run it to its end. `environment`: variables beside those of the tests; None takes one out.

    Returns what subprocess.run() does, with its output as text.
    """
    found = build.environment() | environment
    return subprocess.run(["make", *map(str, words)], cwd=cwd, check=False, text=True, timeout=timeout,
                          env={name: value for name, value in found.items() if value is not None},
                          stdin=subprocess.DEVNULL, capture_output=True)


def refusal(*words, **options):
    """The one line that make says when it cannot; make's own follows."""
    done = make(*words, **options)
    assert (done.returncode, done.stdout) == (2, "")
    line, makes = done.stderr.splitlines()
    assert makes.startswith("make: ***")
    return line
