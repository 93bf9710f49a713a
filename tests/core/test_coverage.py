"""All of tests/core once more with the core compiled for gcov: they reach every line and take every branch both ways.

A branch is the compiler's, so that each operand of && and || has to decide at least once. What no test reaches is
removed from the code, not excluded here.
"""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from .again import run_again
from .native import COVERAGE, MODHTTP, ROOT, SOURCES


def report(directory):
    """What gcov says of each object, with the lines of the headers that it includes."""
    command = ["gcov", "--json-format", "--branch-probabilities", "--stdout"]
    command += [f"{source.stem}.gcda" for source in SOURCES]
    done = subprocess.run(command, check=True, cwd=directory, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def counts(reports):
    """How often each line was run, and how often each of its branches was taken, all objects together."""
    lines, branches = Counter(), Counter()
    for file in (file for said in reports for file in said["files"]):
        path = Path(MODHTTP, file["file"])
        if path.parent != MODHTTP / "core":
            continue
        for line in file["lines"]:
            place = (str(path.relative_to(ROOT)), line["line_number"])
            lines[place] += line["count"]
            for number, branch in enumerate(line["branches"]):
                branches[(*place, line.get("function_name"), number)] += branch["count"]
    return lines, branches


def missed(lines, branches):
    """A line for each place that was not reached, or not left in every way."""
    never = sorted(place for place, count in lines.items() if count == 0)
    one_way = sorted({key[:2] for key, count in branches.items() if count == 0} - set(never))
    found = [(*place, "never run") for place in never] + [(*place, "not taken both ways") for place in one_way]
    return [f"{name}:{number}: {what}: {source_line(name, number)}" for name, number, what in found]


def source_line(name, number):
    return (ROOT / name).read_text().splitlines()[number - 1].strip()


@pytest.mark.timeout(1200)  # where many share a processor
@pytest.mark.skipif(COVERAGE in os.environ, reason="this is that run")
def test_every_branch(tmp_path):
    run_again({COVERAGE: str(tmp_path)})
    lines, branches = counts(report(tmp_path))
    covered = {name for name, _ in lines}
    assert {str(source.relative_to(ROOT)) for source in SOURCES} <= covered
    found = missed(lines, branches)
    assert not found, "\n".join(found)
