"""The version stands in one place, the changes begin with it, and the release workflow names what is there."""

import json
import re
import shlex
import subprocess
import sys

import yaml
from fake_debian import PROJECT

WORKFLOW = yaml.safe_load((PROJECT / ".github/workflows/release.yml").read_text())
STEPS = WORKFLOW["jobs"]["release"]["steps"]
COMMANDS = [shlex.split(line, comments=True) for step in STEPS for line in step.get("run", "").splitlines()]
CHANGES = re.findall(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)


def version():
    command = [sys.executable, PROJECT / "tools/dist.py", "--version"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_changes_begin_with_the_version():
    assert CHANGES[0][0] == version()


def test_the_changes_are_in_order():
    numbers = [[int(part) for part in name.split(".")] for name, _ in CHANGES]
    assert numbers == sorted(numbers, reverse=True) and len(numbers) == len(set(map(tuple, numbers)))
    assert [date for _, date in CHANGES] == sorted((date for _, date in CHANGES), reverse=True)


def test_the_workflow_runs_for_tags_of_versions():
    assert WORKFLOW[True] == {"push": {"tags": ["v*"]}}  # YAML reads "on" as true
    assert 'v$(python3 modhttp/tools/dist.py --version)' in COMMANDS[1][1]


def test_the_workflow_runs_what_is_there():
    makefile = (PROJECT / "Makefile").read_text()
    targets = [words[-1] for words in COMMANDS if words[0] == "make"]
    assert targets == ["test", "dist"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    assert all((PROJECT / word.removeprefix("modhttp/")).is_file() for words in COMMANDS for word in words
               if re.fullmatch(r"modhttp/\S+\.\w+", word))


def test_the_workflow_takes_micropython_as_pinned():
    pins = json.loads((PROJECT / "micropython/sources.json").read_text())
    clone = next(words for words in COMMANDS if words[:2] == ["git", "clone"])
    assert clone[clone.index("--branch") + 1] == f"v{pins['micropython']}"
    fetch = (PROJECT / "micropython/fetch.py").read_text()
    needed = {part["into"] for part in pins["parts"]} - {"."} | set(re.findall(r'"into": "(\S+)"', fetch))
    submodules = next(words for words in COMMANDS if words[:2] == ["git", "submodule"])
    assert sorted(word for word in submodules if word.startswith("lib/")) == sorted(needed | {"lib/micropython-lib"})
    assert f"git -C ../micropython {' '.join(submodules[1:])}\n" in (PROJECT / "docs/boards.md").read_text()


def test_the_workflow_attaches_what_make_dist_writes():
    attached = STEPS[-1]["with"]["files"].split()
    assert attached == ["modhttp/dist/*.uf2", "modhttp/dist/SHA256SUMS", "modhttp/dist/manifest.json"]
    assert (PROJECT / STEPS[-1]["with"]["body_path"].removeprefix("modhttp/")).is_file()


def test_every_board_is_told_of():
    text = (PROJECT / "docs/boards.md").read_text()
    boards = [path.parent.name for path in PROJECT.glob("ports/rp2/boards/*/mpconfigboard.h")]
    assert len(boards) == 3 and all(f"| `{board}` |" in text for board in boards)
    assert "(docs/boards.md)" in (PROJECT / "README.md").read_text()
