"""tools/soak.py: a short soak from end to end, and what its verdict finds."""

import contextlib
import copy
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_debian import PROJECT

sys.path.append(str(PROJECT / "tools"))

import build  # noqa: E402
import soak  # noqa: E402

STATS = {"open": 0, "idle": 0, "requests": 100, "status_2xx": 80, "status_4xx": 10, "status_5xx": 5, "refused": 5,
         "timed_out": 2, "resets": 3, "bytes_in": 5000, "bytes_out": 9000, "head_buffers_free": 8}
FIGURES = {"stats": STATS, "pcbs": [0, 1, 0], "used": 100000, "free": 900000,
           "pools": {"heap": [0, 9000, 16000, 0], "tcp_pcb": [0, 30, 40, 0]}}
REPORT = {"answers": {"200": 80, "404": 8, "503": 5}, "sent": 6000, "received": 8000}


def at_rest(**changes):
    """Figures, some of them changed: `pools__heap=500` and `stats__open=1` reach into them."""
    figures = copy.deepcopy(FIGURES)
    for name, value in changes.items():
        outer, _, inner = name.partition("__")
        if outer == "pools":
            figures["pools"][inner][0] = value
        elif inner:
            figures[outer][inner] = value
        else:
            figures[outer] = value
    return figures


def may_make_namespaces():
    """As root, or as a user where the kernel lets users."""
    words = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "true"]
    made = subprocess.run(words, check=False, capture_output=True).returncode == 0
    return made and os.path.exists("/dev/net/tun")


needs_namespaces = pytest.mark.skipif(not may_make_namespaces(), reason="needs network namespaces and /dev/net/tun")


@needs_namespaces
def test_a_short_soak():
    """How soon a fresh client is served is left open: the machine may have other things to do."""
    build.host()
    words = ["tools/soak.py", "--minutes", "0.4", "--clients", "32", "--sizes", "host", "--patience", "30"]
    done = subprocess.run([sys.executable, *words], check=False, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  0:00  open " in done.stdout
    assert len(re.findall(r"^ +0:[012]\d  open ", done.stdout, re.MULTILINE)) >= 2, done.stdout
    assert "keep_alive: fine" in done.stdout
    assert "a fresh client was served after" in done.stdout
    assert done.stdout.endswith("nothing went wrong\n")


def parts_of_a_soak():
    """The command lines of those that run from this checkout."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = file.read_text(errors="replace").replace("\0", " ")
            lines += [line] if f"{PROJECT}/soak/" in line else []
    return lines


@needs_namespaces
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_of_it(number):
    build.host()
    words = ["tools/soak.py", "--minutes", "5", "--clients", "4", "--sizes", "host"]
    soaking = subprocess.Popen([sys.executable, *words], cwd=PROJECT, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert soaking.stdout.readline().startswith("  0:00  open ")
    assert len(parts_of_a_soak()) >= 3
    soaking.send_signal(number)
    _, errors = soaking.communicate(timeout=60)
    assert soaking.returncode == 130
    assert "Traceback" not in errors
    assert parts_of_a_soak() == []


def test_what_is_flat_passes():
    samples = [at_rest(used=100000 + i % 7 * 1000, pools__heap=i % 11 * 900) for i in range(900)]
    assert soak.trends(samples) == []
    assert soak.differences(at_rest(), at_rest()) == []
    assert soak.miscounts([at_rest(), at_rest()], [REPORT]) == []


@pytest.mark.parametrize("figures, found", [
    (lambda i: at_rest(used=100000 + i * 100 + i % 7 * 1000), "Python's heap"),
    (lambda i: at_rest(pcbs=[i // 100, 1, 0]), "pcbs"),
    (lambda i: at_rest(pools__tcp_pcb=i // 80), "lwIP's tcp_pcb"),
])
def test_what_grows_is_found(figures, found):
    assert soak.trends([figures(i) for i in range(900)]) == [found]


def test_a_high_water_mark_that_rises_late_is_found():
    samples = [at_rest() for _ in range(900)]
    for each in samples[-100:]:
        each["pools"]["heap"][1] = 12000
    assert soak.trends(samples) == ["the high-water mark of lwIP's heap"]
    assert soak.trends(samples[-500:]) == []  # too few to judge


def test_the_first_moments_are_no_trend():
    assert soak.trends([at_rest(pcbs=[min(i, 15), 1, 0]) for i in range(90)]) == []


@pytest.mark.parametrize("changes, found", [
    ({"used": 200000}, "Python's heap has 200,000 bytes in use, before 100,000"),
    ({"pools__tcp_pcb": 1}, "lwIP's tcp_pcb: 1 in use, before 0"),
    ({"stats__head_buffers_free": 7}, "head buffers are missing"),
])
def test_what_is_left_over_is_found(changes, found):
    assert soak.differences(at_rest(), at_rest(**changes)) == [found]


@pytest.mark.parametrize("changes, found", [
    ({"stats__open": 19}, "19 connections were open at once"),
    ({"stats__requests": 99}, "requests has gone down from 100 to 99"),
    ({"stats__status_2xx": 101}, "100 requests, but 101 answers of 2xx"),
    ({"stats__status_4xx": 11, "stats__bytes_out": 7000}, "clients have sent 6,000 and got 8,000 bytes"),
    ({"stats__status_5xx": 8}, "8 answers of 5xx, but 5 refusals"),
    ({"stats__bytes_in": 7000}, "clients have sent 6,000 and got 8,000 bytes"),
])
def test_what_does_not_add_up_is_found(changes, found):
    miscounts = soak.miscounts([at_rest(), at_rest(**changes)], [REPORT])
    assert len(miscounts) == 1
    assert miscounts[0].startswith(found)


def test_an_answer_that_the_server_does_not_know_of_is_found():
    report = REPORT | {"answers": {"200": 81}}
    assert soak.miscounts([at_rest()], [report]) == ["clients have 81 answers of 2xx, the server counts 80"]
