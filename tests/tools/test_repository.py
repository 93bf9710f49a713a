"""What no tracked file may hold: a package registry's host, or a path of the machine that it was written on."""

import re
import subprocess
import sys

import pytest
from fake_debian import PROJECT

# Put together from pieces, or this file would name them.
HOSTS = [r"\.".join(words) for words in (("debian", "org"), ("pypi", "org"), ("pythonhosted", "org"),
                                         ("npmjs", "org"), ("npmjs", "com"), ("ubuntu", "com"))]
PATHS = [f"(?<![\\w.)}}])/{name}/" for name in ("work", "root", "tmp")]


@pytest.mark.parametrize("forbidden", HOSTS + PATHS)
def test_no_tracked_file_names(forbidden):
    if not (PROJECT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]  # whoever owns the checkout
    listed = subprocess.check_output(command, cwd=PROJECT, text=True)
    files = [PROJECT / name for name in listed.split("\0") if name]
    assert files
    naming = [file.name for file in files
              if file.is_file() and re.search(forbidden, file.read_text(errors="replace"))]
    assert naming == []


def test_python_is_clean():
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "."]
    done = subprocess.run(command, check=False, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
