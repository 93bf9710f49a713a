"""Every allocation fails once: lwIP's on the server's behalf, MicroPython's while a request is handled.

Each scenario is a client's visit (visits.py). It is run with the n-th call of each kind failing, for n = 1, 2, 3… The
client must see the right answers or an orderly failure, and afterwards everything must be free and the next request be
served. `make test` takes a sample of the n; with MODHTTP_FAULTS_ALL=1 (`make faults`) all are taken.
"""

import collections
import contextlib
import itertools
import json
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import faults
import target as targets
from visits import CLOSE, PATIENCE, SCENARIOS, Over, Talk

ALL = bool(os.environ.get("MODHTTP_FAULTS_ALL"))
TARGET = os.environ.get("MODHTTP_FAULTS_TARGET", "sanitized")
PROGRAMS = 4  # at a time: what a run takes is mostly waiting for lwIP's timers

# Seconds until everything must be free again. lwIP keeps the pcb of a client that it could not answer for 20 s.
SETTLED = 45

# Bytes by which MicroPython's heap may differ: interned strings, and what its collector takes for referenced.
HEAP_SLACK = 8000



class Patient:
    """A program and its faults. `lost` says why it is of no more use, once it does not recover."""

    def __init__(self, directory, stack):
        directory.mkdir()
        self.lost = None
        self.faults = faults.Faults(directory / "faults")
        self.program = stack.enter_context(targets.Program(
            TARGET, Path(__file__).parent / "faults_app.py", directory,
            environment={"MODHTTP_FAULTS": str(self.faults.path)}))
        self.references = {}
        for name in SCENARIOS:
            self.visit_undisturbed(name)  # interns its names, fills lwIP's caches
        self.rest = self.state()
        self.at_rest = None
        self.settle()
        self.at_rest = self.faults.used()
        self.references = {name: self.visit_undisturbed(name) for name in SCENARIOS}

    def state(self):
        try:
            with Talk(self, None) as talk:
                talk.get("/state", CLOSE)
                talk.answer()
        except Over as over:
            raise AssertionError(f"the next request: {over}") from None
        assert talk.answers[0].status == 200, f"the next request: {talk.answers}"
        return json.loads(talk.answers[0].body)

    def visit(self, name):
        """Run a scenario. Returns the outcome in a word or two, and the answers."""
        answers = []
        try:
            with Talk(self, self.references.get(name)) as talk:
                answers = talk.answers
                SCENARIOS[name](talk)
            outcome = f"refused: {talk.refused[0]}" if talk.refused else "right"
        except Over as over:
            outcome = str(over)
        return outcome, answers

    def visit_undisturbed(self, name):
        """Run a scenario without faults. Returns the answers."""
        with self.recovering():
            outcome, answers = self.visit(name)
            assert outcome == "right", f"{name}, without faults: {outcome}"
        return answers

    @contextlib.contextmanager
    def recovering(self):
        """Who does not recover is not waited for again: with each scenario to come that would be as long."""
        try:
            yield
        except AssertionError as error:
            self.lost = str(error)
            raise

    def settle(self):
        """The next request is served, and everything is free again."""
        with self.recovering():
            self.wait_for_rest()

    def wait_for_rest(self):
        deadline = time.monotonic() + SETTLED
        while True:
            state = self.state()
            state["heap"] = max(0, state["heap"] - HEAP_SLACK - self.rest["heap"])
            if state == self.rest | {"heap": 0}:
                break
            assert time.monotonic() < deadline, f"not free: {state}, at first {self.rest}"
            time.sleep(0.05)
        if self.at_rest is not None:
            self.faults.wait_for_use(self.at_rest, SETTLED)
        else:
            time.sleep(3)

    def restart(self):
        """After a Ctrl-C, which the program may only now hear of: its server stops, and starts again."""
        deadline = time.monotonic() + PATIENCE
        with self.recovering():
            while True:
                try:
                    self.state()
                    return
                except AssertionError as error:
                    assert time.monotonic() < deadline, f"not started again after a Ctrl-C: {error}"
                time.sleep(0.05)

    def count(self, name):
        """The calls of each kind in a run without faults."""
        self.faults.clear()
        self.visit_undisturbed(name)
        counts = {kind: self.faults.calls(kind) for kind in faults.KINDS}
        self.settle()
        return counts

    def crowd(self, seconds=0):
        """All scenarios at once, each over and over for so long. Returns the tally of outcomes."""
        tally = collections.Counter()
        until = time.monotonic() + seconds

        def visitor(name):
            while True:
                tally[self.visit(name)[0]] += 1
                if time.monotonic() >= until:
                    break

        with ThreadPoolExecutor(len(SCENARIOS)) as pool:
            list(pool.map(visitor, SCENARIOS))
        return tally

    def fail(self, name, kind, first, count):
        """Run a scenario with faults. Returns the outcome, or None when there was no such call."""
        self.faults.clear()
        self.faults.arm(kind, first, count)
        relief = threading.Timer(0.5, self.faults.disarm)
        relief.start()
        try:
            outcome = self.visit(name)[0]
        finally:
            relief.cancel()
            relief.join()
            self.faults.disarm()
        failed = self.faults.failed(kind)
        if kind == "interrupt":
            self.rest["interrupts"] += failed  # the program hears of each
            self.restart()
        self.settle()
        assert failed or outcome == "right", outcome
        return outcome if failed else None


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    targets.prepare(TARGET)
    directory = tmp_path_factory.mktemp("faults")
    with contextlib.ExitStack() as stack:
        with ThreadPoolExecutor(PROGRAMS) as pool:
            patients = list(pool.map(lambda number: Patient(directory / str(number), stack), range(PROGRAMS)))
        yield patients
        for patient in patients:
            assert patient.program.stop() in (0, -15)


def report(tally):
    print()
    for key, number in sorted(tally.items()):
        print(f"{number:6} {' '.join(map(str, key))}")


def sample(count, size):
    """The first, and some of the others: the same ones each time."""
    if count <= size:
        return range(1, count + 1)
    return [1, *sorted(random.Random(count).sample(range(2, count + 1), size - 1))]


def inject(patient, name, kind, bursts, calls, size, tally):
    """All n, or a sample, of one scenario and kind. Returns what went wrong."""
    for burst in bursts:
        for n in itertools.count(1) if ALL else sample(calls, size):
            try:
                outcome = patient.fail(name, kind, n, burst)
            except Exception as error:  # it goes into the report
                return f"{name}, {kind} {n} (x{burst}): {type(error).__name__}: {error}"
            if outcome is None:
                break
            tally[kind, "once" if burst == 1 else "on and on", outcome] += 1
    return None


def spread(patients, names, kinds, bursts, size):
    """Inject faults of these kinds into these scenarios, on all programs at once. Returns the tally."""
    free = list(patients)
    tally = collections.Counter()

    def work(name, kind):
        patient = free.pop()
        try:
            if patient.lost:
                return f"{name}, {kind}: not tried with a program that has not recovered: {patient.lost}"
            calls = patient.count(name)[kind]
            return inject(patient, name, kind, bursts, calls, size, tally)
        except Exception as error:  # it goes into the report
            return f"{name}, {kind}: {type(error).__name__}: {error}"
        finally:
            free.append(patient)

    with ThreadPoolExecutor(len(patients)) as pool:
        failures = list(pool.map(lambda pair: work(*pair), itertools.product(names, kinds)))
    report(tally)
    assert not any(failures), "\n".join(filter(None, failures))
    return tally


LWIP = ("write", "pool", "heap", "pcb", "close")

# Those that Python has a part in.
HANDLED = [name for name in SCENARIOS if name not in ("answered_in_c", "bad_request", "sensor", "metrics")]


@pytest.mark.parametrize("kind", LWIP)
def test_lwip_out_of_memory_once(patients, kind):
    tally = collections.Counter()
    for _ in range(5):  # how many calls a visit has depends on when the last one's connection ends
        tally += spread(patients, SCENARIOS, [kind], [1], 3)
        if sum(tally.values()) >= 10:
            break
    assert sum(tally.values()) >= 10


@pytest.mark.parametrize("kind", ["write", "pool", "heap"])
def test_lwip_out_of_memory_for_a_while(patients, kind):
    """From the n-th on, everything fails for half a second."""
    tally = spread(patients, SCENARIOS, [kind], [faults.FOREVER], 1)
    assert sum(tally.values()) >= 10


@pytest.mark.parametrize("burst", [1, faults.FOREVER], ids=["once", "and all that follow"])
def test_memory_error_in_a_request(patients, burst):
    tally = spread(patients, HANDLED, ["gc"], [burst], 4)
    assert sum(tally.values()) >= 40


def test_ctrl_c_in_a_request(patients):
    tally = spread(patients, HANDLED, ["interrupt"], [1], 3)
    assert sum(tally.values()) >= 40


@pytest.mark.parametrize("kinds", [("write",), ("pool",), ("heap",), LWIP, ("gc",), (*LWIP, "gc")], ids="+".join)
def test_every_nth_fails_in_a_crowd(patients, kinds):
    """All scenarios at once, each program with an n of its own."""

    def suffer(patient, every):
        patient.faults.clear()
        for kind in kinds:
            patient.faults.arm(kind, every=every)
        tally = patient.crowd()
        patient.faults.disarm()
        assert all(patient.faults.failed(kind) for kind in kinds)
        patient.settle()
        return collections.Counter({(f"every {every}", outcome): number for outcome, number in tally.items()})

    with ThreadPoolExecutor(len(patients)) as pool:
        tally = sum(pool.map(suffer, patients, (5, 7, 11, 20)), collections.Counter())
    report(tally)
    assert any(outcome == "right" for _, outcome in tally)


def test_everything_fails_in_a_crowd_for_moments(patients):
    """200 ms without any memory, 300 ms with, and so on."""

    def on_and_off(patient, kinds):
        for _ in range(6):
            time.sleep(0.3)
            for kind in kinds:
                patient.faults.arm(kind, count=faults.FOREVER)
            time.sleep(0.2)
            patient.faults.disarm()

    def suffer(patient, kinds):
        patient.faults.clear()
        switch = threading.Thread(target=on_and_off, args=[patient, kinds])
        switch.start()
        try:
            tally = patient.crowd(seconds=3)
        finally:
            switch.join()
        assert all(patient.faults.failed(kind) for kind in kinds)
        patient.settle()
        return collections.Counter({("moments", outcome): number for outcome, number in tally.items()})

    with ThreadPoolExecutor(len(patients)) as pool:
        # What fails in front keeps what is behind it from being asked at all: tcp_write the pools, they the heap.
        kinds = [("pcb", "write", "close"), ("pool", "gc"), ("heap", "gc"), ("gc",)]
        tally = sum(pool.map(suffer, patients, kinds), collections.Counter())
    report(tally)
    assert any(outcome == "right" for _, outcome in tally)
