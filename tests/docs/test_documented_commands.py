"""The commands that the documentation names are there: make's targets with their settings, and scripts."""

import re

import pytest

import typed
from markdown_page import blocks
from target import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "ports").rglob("*.md"))]
COMMAND = re.compile(r"make((?: +(?:[a-z]+\b|[A-Z_]+=(?:\"[^\"]*\"|\S+)|\[[A-Z_]+=[^\]]*\]))+)")
SETTING = re.compile(r"\b([A-Z_]+)=")


ENVIRONMENT = {"MICROPYTHON_DIR", "MODHTTP_CACHE"}  # which the tools read, whatever the target


def offered():
    """{target: settings} of what `make` lists, with those that the target's recipe hands on."""
    listed = typed.make("-s", "help")
    listed.check_returncode()
    lines = [line for line in listed.stdout.splitlines() if line.startswith("make ")]
    found = {line.split()[1]: set(SETTING.findall(line)) for line in lines}
    makefile = (ROOT / "Makefile").read_text()
    for name, settings in found.items():
        recipe = re.search(rf"^{name}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        settings |= set(re.findall(r"\$\$?[({]?(?:or |if )?\$?\(?([A-Z_]+)", recipe[1])) | ENVIRONMENT
    return found


OFFERED = offered()


def named(text):
    """Each make command of a page: whole lines of blocks that are no program's, and what is between backticks."""
    lines = [line.removeprefix("$ ") for block in blocks(text) if block.language in ("", "sh", "console")
             for line in block.code.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for words in lines + spans:
        for command in words.split("#")[0].split(" && "):
            if match := COMMAND.match(command.strip()):
                yield match[1].replace("\\|", "|")


def wrong(text):
    """The commands of a page that are not offered so."""
    for command in named(text):
        targets = [word for word in re.sub(r"\[[^]]*\]|[A-Z_]+=(?:\"[^\"]*\"|\S+)", "", command).split()]
        if len(targets) != 1 or targets[0] not in OFFERED or set(SETTING.findall(command)) - OFFERED[targets[0]]:
            yield "make" + command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_commands_are_there(page):
    assert list(wrong(page.read_text())) == []


def test_wrong_commands_are_found():
    text = "`make nothing` `make run APP=a.py` `make run COLOUR=red`\n\n```\n$ cd x && make tests # all\n```\n"
    assert list(wrong(text)) == ["make tests", "make nothing", "make run COLOUR=red"]


def test_readme_has_each_command():
    """The README's table has all that `make` lists, but for the one that needs no words."""
    rows = re.findall(r"^\| `make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {*rows, "clean"} == set(OFFERED)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_scripts_are_there(page):
    text = page.read_text()
    scripts = re.findall(r"python3 ((?:tools|bench|tests|fuzz)/[\w/]+\.py)", text)
    scripts += re.findall(r"`((?:tools|bench|ports|modhttp|python|tests|emulator|micropython)/[\w./-]+\.\w+)`", text)
    assert [name for name in scripts if not (ROOT / name).exists()] == []
