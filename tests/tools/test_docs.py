"""docs/http.md and docs/websocket.md name the test that holds each requirement: they are there."""

import re

import pytest
from fake_debian import PROJECT

TEXT = (PROJECT / "docs/http.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:core|http|tests)/[^`]+\.(?:txt|py)(?:::\w+)?)`", TEXT)))


@pytest.mark.parametrize("name", NAMED)
def test_named_tests_are_there(name):
    file, _, function = name.partition("::")
    path = PROJECT / (file if file.startswith("tests/") else "tests/{}/cases/{}".format(*file.split("/")))
    assert path.is_file()
    assert not function or f"def {function}(" in path.read_text()


def test_each_requirement_names_a_test():
    rows = [line for line in TEXT.splitlines() if re.match(r"\| .* \| [MSo] \|", line)]
    assert len(rows) > 60
    assert [row for row in rows if not re.search(r"`[^`]+` \|$", row)] == EXCEPT


# What another row holds.
EXCEPT = ["| 7.2 | M | see RFC 9112 section 3.2 | | |"]


# ---- docs/websocket.md

FILES = {"core": PROJECT / "tests/core/test_ws.py", "http": PROJECT / "tests/http/test_websocket.py"}
WEBSOCKET = (PROJECT / "docs/websocket.md").read_text()


def test_tests_of_websockets_are_there():
    named = set(re.findall(r"`(core|http)::(\w+)`", WEBSOCKET))
    assert [name for name in named if f"def {name[1]}(" not in FILES[name[0]].read_text()] == []


def test_each_requirement_of_websockets_names_a_test():
    rows = [line for line in WEBSOCKET.splitlines() if re.match(r"\| [\d., ]+ \|", line)]
    assert len(rows) > 45
    assert [row for row in rows if not re.search(r"\| [MSo] \|.*`(core|http)::\w+` \|$", row)] == []
