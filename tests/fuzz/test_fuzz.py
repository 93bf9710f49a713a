"""The fuzz harnesses, each over its committed corpus and some thousand inputs more; and the tool that runs them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))

import build  # noqa: E402
import fuzz  # noqa: E402

RUNS = 10000
CORPUS_MAX = 200 * 1024  # bytes, of all harnesses


@pytest.mark.parametrize("name", fuzz.harnesses())
def test_harness(name, tmp_path):
    outcome = fuzz.fuzz(name, [f"-runs={RUNS}", "-seed=1"], directory=tmp_path)
    assert not outcome.findings, outcome.report
    assert outcome.executions >= RUNS
    assert outcome.edges > 0


@pytest.mark.parametrize("name", fuzz.harnesses())
def test_corpus(name):
    assert any(fuzz.committed_corpus(name).iterdir())


def test_corpora_are_small():
    files = [path for path in (ROOT / "fuzz/corpus").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= CORPUS_MAX
    assert {path.parent.name for path in files} == set(fuzz.harnesses())


# ---- the tool

BROKEN = """
#include "core/method.h"
#include "fuzz.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    CHECK(mh_method((const char *)data, len) <= MH_METHOD_OTHER && %s);
    return 0;
}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with harnesses of its own, and this one's core."""
    (tmp_path / "modhttp").symlink_to(ROOT / "modhttp")
    (tmp_path / "fuzz/corpus/broken").mkdir(parents=True)
    for name in ("fuzz.h", "http.dict"):
        (tmp_path / "fuzz" / name).symlink_to(ROOT / "fuzz" / name)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "BUILD", tmp_path / "build")
    return tmp_path


def run_tool(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["fuzz.py", *words])
    return fuzz.main()


def test_a_failure_is_reported_with_its_reproducer(project, monkeypatch, capsys):
    (project / "fuzz/broken.c").write_text(BROKEN % "len < 4")
    (project / "fuzz/right.c").write_text(BROKEN % "true")
    with pytest.raises(fuzz.Refusal, match="a harness has failed"):
        run_tool(monkeypatch, "--runs", "100000")
    output = capsys.readouterr().out
    assert re.search(r"^broken +[\d,]+ .* 1$", output, re.MULTILINE)
    assert re.search(r"^right +[\d,]+ .* 0$", output, re.MULTILINE)
    assert re.search("this does not hold: .* && len < 4$", output, re.MULTILINE)
    harness, reproducer = re.search(r"broken failed; again: (\S+) (\S+)$", output, re.MULTILINE).groups()
    assert (project / reproducer).stat().st_size >= 4
    again = subprocess.run([project / harness, project / reproducer], check=False, capture_output=True)
    assert again.returncode != 0
    assert not any((project / "fuzz/corpus/broken").iterdir())


def test_what_a_run_finds_is_kept_and_merged(project, monkeypatch):
    (project / "fuzz/right.c").write_text(BROKEN % "true")
    assert run_tool(monkeypatch, "--runs", "50000", "right") is None
    found = list((project / "build/fuzz/right/corpus").iterdir())
    (project / "fuzz/corpus/right").mkdir()
    (project / "fuzz/corpus/right/a-bug-that-was").write_text("x")
    assert re.fullmatch(r"right: \d+ files, \d+ bytes", run_tool(monkeypatch, "--merge", "right"))
    kept = {path.name for path in (project / "fuzz/corpus/right").iterdir()}
    assert "a-bug-that-was" in kept
    assert 2 <= len(kept) <= len(found) + 1


def test_a_harness_brings_sources_and_flags(project, monkeypatch):
    (project / "fuzz/large.c").write_text('#include "fuzz.h"\n#include "answer.h"\n'
                                          "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {\n"
                                          "    CHECK(len == 0 || answer() + data[0] >= 42);\n    return 0;\n}\n")
    (project / "fuzz/large").mkdir()
    (project / "fuzz/large/answer.c").write_text("int answer(void) { return ANSWER; }\n")
    (project / "fuzz/large/sources.txt").write_text("-DANSWER=42 -Iother # where answer.h is\nother/*.c\n")
    (project / "other").mkdir()
    (project / "other/answer.h").write_text("int answer(void);\n")
    with pytest.raises(fuzz.Refusal, match=r"fuzz/large/sources.txt: there is no other/\*.c"):
        run_tool(monkeypatch, "--runs", "100")
    (project / "other/unused.c").write_text("int unused;\n")
    run_tool(monkeypatch, "--runs", "100")


@pytest.mark.parametrize("words, reason", [
    (["--runs", "0"], "RUNS=0: a number from 1 on"),
    (["--seconds", "soon"], "SECONDS=soon: a number from 1 on"),
    (["absent"], "no fuzz harness is called absent: there are right"),
])
def test_what_makes_no_sense_is_refused(project, monkeypatch, words, reason):
    (project / "fuzz/right.c").write_text(BROKEN % "true")
    with pytest.raises(fuzz.Refusal, match=reason):
        run_tool(monkeypatch, *words)
