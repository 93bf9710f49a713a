#!/usr/bin/env python3
"""Fuzz: every harness of fuzz/, or those named, for so many seconds or so many executions each, one on each processor.

What is found stays under build/fuzz/NAME: `corpus/`, which the next run goes on from, a reproducer for each failure,
and the log. The committed corpus is only read. Ends with a table, and non-zero when a harness has failed.

Standard library only.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import build
from common import Refusal, run_command, say

SECONDS = 60
LINES_OF_FAILURE = 25

# Harnesses allocate much and small: AddressSanitizer's usual quarantine of 256 MB would cost them cache misses.
ENVIRONMENT = {"ASAN_OPTIONS": "quarantine_size_mb=8:detect_stack_use_after_return=0",
               "UBSAN_OPTIONS": "print_stacktrace=1"}

STATUS = re.compile(r"^#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)
DONE = re.compile(r"^stat::number_of_executed_units: (\d+)\n+stat::average_exec_per_sec: +(\d+)", re.MULTILINE)
WRITTEN = re.compile(r"Test unit written to (\S+)")
FAILURE = re.compile(r"^(?:.*this does not hold|.*runtime error:|==\d+==\s*ERROR).*", re.MULTILINE)


@dataclass
class Outcome:
    """What a run of a harness came to."""
    name: str
    executions: int = 0
    per_second: int = 0
    corpus: int = 0
    features: int = 0
    edges: int = 0
    findings: list = field(default_factory=list)  # reproducers, or the log where there is none
    report: str = ""


def harnesses():
    return sorted(path.stem for path in (build.ROOT / "fuzz").glob("*.c"))


def committed_corpus(name):
    return build.ROOT / "fuzz/corpus" / name


def shown(path):
    """A path as the user may type it."""
    with contextlib.suppress(ValueError):
        return Path(path).relative_to(build.ROOT)
    return path


class Fuzzers:
    """The harnesses under way, so that an interrupt ends them."""

    def __init__(self):
        self._processes = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, command):
        """Run to the end. Returns the exit status and all that was printed."""
        with self._lock:
            if self._stopped:
                raise KeyboardInterrupt
            process = subprocess.Popen([str(word) for word in command], env={**ENVIRONMENT, **os.environ}, text=True,
                                       errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self._processes.add(process)
        try:
            output, _ = process.communicate()
        finally:
            with self._lock:
                self._processes.discard(process)
        return process.returncode, output

    def stop(self):
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.terminate()


def read_outcome(name, status, output, log):
    outcome = Outcome(name)
    if lines := STATUS.findall(output):
        outcome.executions, outcome.edges, outcome.features, outcome.corpus = map(int, lines[-1])
    if done := DONE.search(output):
        outcome.executions, outcome.per_second = map(int, done.groups())
    if status != 0:
        outcome.findings = WRITTEN.findall(output) or [str(log)]
        begin = FAILURE.search(output)
        lines = output[begin.start():].splitlines()[:LINES_OF_FAILURE] if begin else output.splitlines()[-10:]
        outcome.report = "\n".join(lines)
    return outcome


def fuzz(name, limits, directory=None, fuzzers=None):
    """Run a harness over the committed corpus and from there on, keeping what it finds in `directory`."""
    harness = build.fuzzer(name)
    directory = directory or build.BUILD / "fuzz" / name
    own = directory / "corpus"
    own.mkdir(parents=True, exist_ok=True)
    log = directory / "log"
    corpora = [own, *(path for path in [committed_corpus(name)] if path.is_dir())]
    command = [harness, *limits, f"-artifact_prefix={directory}/", f"-dict={build.ROOT / 'fuzz/http.dict'}",
               "-timeout=20", "-print_final_stats=1", *corpora]
    status, output = (fuzzers or Fuzzers()).run(command)
    log.write_text(output)
    return read_outcome(name, status, output, log)


def fuzz_all(names, limits):
    """One harness on each processor. Returns the outcomes in the order of the names."""
    fuzzers = Fuzzers()

    def fuzz_one(name):
        say(f"fuzzing {name}")
        outcome = fuzz(name, limits, fuzzers=fuzzers)
        say(f"{name}: {'FAILED' if outcome.findings else 'done'} after {outcome.executions:,} executions")
        return outcome

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        try:
            return list(pool.map(fuzz_one, names))
        except BaseException:
            fuzzers.stop()
            pool.shutdown(cancel_futures=True)
            raise


def table(outcomes):
    heads = ("harness", "executions", "per second", "corpus", "features", "edges", "findings")
    rows = [(each.name, f"{each.executions:,}", f"{each.per_second:,}", f"{each.corpus:,}", f"{each.features:,}",
             f"{each.edges:,}", str(len(each.findings))) for each in outcomes]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = []
    for first, *others in (heads, *rows):
        cells = [first.ljust(widths[0])]
        cells += [other.rjust(width) for other, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def merge(name):
    """Fold what was found into the committed corpus, and keep of both as few and small files as reach the same code.

    Files with names of their own, such as reproducers of bugs now fixed, are kept whatever they reach.
    """
    harness = build.fuzzer(name)
    corpus = committed_corpus(name)
    corpus.mkdir(parents=True, exist_ok=True)
    found = build.BUILD / "fuzz" / name / "corpus"
    fresh = build.BUILD / "fuzz" / name / "merged"
    shutil.rmtree(fresh, ignore_errors=True)
    for directory in (fresh, found):
        directory.mkdir(parents=True, exist_ok=True)
    status, output = Fuzzers().run([harness, "-merge=1", "-use_counters=0", fresh, corpus, found])
    if status:
        raise Refusal(f"merging {name} failed: {output.splitlines()[-1]}")
    for file in corpus.iterdir():
        if re.fullmatch("[0-9a-f]{40}", file.name):
            file.unlink()
    for file in fresh.iterdir():
        shutil.copy(file, corpus)
    files = list(corpus.iterdir())
    return f"{name}: {len(files)} files, {sum(file.stat().st_size for file in files):,} bytes"


def count(text, name):
    if not re.fullmatch("[1-9][0-9]*", text):
        raise Refusal(f"{name}={text}: a number from 1 on")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", default="", help=f"for each harness; {SECONDS} when no --runs are asked for")
    parser.add_argument("--runs", default="", help="executions of each harness")
    parser.add_argument("--merge", action="store_true", help="fold what was found into the committed corpus")
    parser.add_argument("harness", nargs="*", help=", ".join(harnesses()))
    options = parser.parse_args()
    names = options.harness or harnesses()
    if options.merge:
        return "\n".join(map(merge, names))
    limits = []
    if options.seconds or not options.runs:
        limits.append(f"-max_total_time={count(options.seconds or str(SECONDS), 'SECONDS')}")
    if options.runs:
        limits.append(f"-runs={count(options.runs, 'RUNS')}")
    for name in names:
        build.fuzzer(name)
    outcomes = fuzz_all(names, limits)
    print(table(outcomes), flush=True)
    for outcome in (each for each in outcomes if each.findings):
        print(f"\n{outcome.report}", flush=True)
        for path in outcome.findings:
            print(f"{outcome.name} failed; again: build/fuzz/{outcome.name}/harness {shown(path)}", flush=True)
    if any(each.findings for each in outcomes):
        raise Refusal("a harness has failed: see above")
    return None


if __name__ == "__main__":
    run_command(main)
