#!/usr/bin/env python3
"""Soak: a host build with the board's pool sizes serves a mixed crowd of clients over a wire that loses packets.

Prints a line of figures every ten seconds, and at the end whether memory, pcbs and pools have stayed flat, the counts
add up, and a fresh client is served at once. Ends non-zero where not. Ctrl-C ends it.

Needs root, or a kernel that lets users make network namespaces: all of it happens in one of its own, which vanishes
with it. Standard library only.
"""

import argparse
import contextlib
import json
import os
import queue
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

import build
import need
from common import Refusal, run_command, say

SOAK = build.ROOT / "soak"
ADDRESS = "10.77.0.2"
CONNECTIONS = 16
CLOSING = 2  # beyond those, answered and closing
SAMPLE = 10  # seconds
PATIENCE = 60  # until what should come soon is missed
HEAP_NOISE = 16 * 1024  # bytes: the collector takes what looks like a pointer for one
SETTLE = 20  # samples after which figures are to have found their level, in a run of three times as many at least
MARKS_SETTLE = 600  # and high-water marks
SIZES = {"board": (["BOARD_SIZES=2"], "host-board"), "host": ([], "host")}


# ---- the parts


class Part:
    """A program of the soak, its lines as they come."""

    def __init__(self, *words, **environment):
        self.process = subprocess.Popen([str(word) for word in words], env=os.environ | environment, text=True,
                                        errors="replace", start_new_session=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self, timeout=PATIENCE):
        """The next line."""
        try:
            line = self.lines.get(timeout=timeout)
        except queue.Empty:
            raise Refusal(f"{self.process.args[-1]} has said nothing for {timeout} s") from None
        if line is None:
            raise Refusal(f"{self.process.args[-1]} has ended, with status {self.process.wait()}")
        return line

    def signal(self, number):
        self.process.send_signal(number)

    def last_line(self):
        """End it. Returns its last line."""
        self.signal(signal.SIGTERM)
        last = None
        with contextlib.suppress(Refusal):
            while True:
                last = self.line()
        return last

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Soak:
    """The server, the wire and the crowd."""

    def __init__(self):
        self.parts = []
        self.samples = []  # of each second
        self.problems = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for part in self.parts:
            part.stop()

    def begin(self, binary, loss, clients, seed):
        """The server and the wire."""
        ip("link set lo up")
        tap = f"tap0,{ADDRESS}/24,10.77.0.1"
        self.server = self.start(binary, "-X", "heapsize=1m", SOAK / "app.py", MODHTTP_TAP=tap)
        self.sample()
        # The server's end belongs to the relay: the kernel is to be reached through the other one only.
        ip("link set tap0 arp off up")
        self.relay = self.start(sys.executable, SOAK / "relay.py", "tap0", "wire0", loss, seed)
        self.relay.line()
        ip("addr add 10.77.0.1/24 dev wire0")
        ip("link set wire0 up")
        self.crowd_words = (sys.executable, SOAK / "crowd.py", ADDRESS, clients, seed)

    def start(self, *words, **environment):
        self.parts.append(Part(*words, **environment))
        return self.parts[-1]

    def problem(self, text):
        self.problems.append(text)
        print(f"PROBLEM: {text}", flush=True)

    def sample(self):
        """The server's figures of this second."""
        while True:
            line = self.server.line()
            if line.startswith("{"):
                self.samples.append(json.loads(line))
                return self.samples[-1]
            self.problem(f"the program says: {line}")

    def rest(self):
        """Wait until all is over, and then for lwIP's timers. Returns the figures then, or the last ones."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            figures = self.sample()
            if figures["stats"]["open"] == 0 and figures["pcbs"][0] == figures["pcbs"][2] == 0:
                self.sample()
                return self.sample()
        self.problem(f"connections or pcbs are left over: {figures}")
        return figures

    def warm_up(self):
        """Have everything done once, so that what stays for good is there before anything is compared."""
        crowd = self.start(*self.crowd_words)
        for _ in range(5):
            self.sample()
        report = json.loads(crowd.last_line())
        self.rest()
        self.samples.clear()
        return report

    def load(self, seconds):
        """The crowd, for so long. Returns its report."""
        crowd = self.start(*self.crowd_words)
        began = time.monotonic()
        following = began
        while (now := time.monotonic()) < began + seconds:
            figures = self.sample()
            with contextlib.suppress(queue.Empty):
                while line := crowd.lines.get_nowait():
                    self.problem(line)
            if crowd.process.poll() is not None:
                raise Refusal("the crowd has gone: see above")
            if now >= following:
                print(describe(now - began, figures), flush=True)
                following += SAMPLE
        self.relay.signal(signal.SIGUSR1)
        return json.loads(crowd.last_line())

    def serve_a_fresh_client(self):
        """Seconds until a new client has its answer; a 503 is no answer yet."""
        began = time.monotonic()
        while time.monotonic() < began + PATIENCE:
            with contextlib.suppress(OSError), socket.create_connection((ADDRESS, 80), timeout=PATIENCE) as s:
                s.sendall(b"GET /text/5 HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n")
                answer = b""
                while piece := s.recv(4096):
                    answer += piece
                if answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n00000"):
                    return time.monotonic() - began
            time.sleep(0.01)
        return PATIENCE


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


# ---- figures


def describe(seconds, figures):
    """A line for the user."""
    stats, pools = figures["stats"], figures["pools"]
    active, _, waiting = figures["pcbs"]
    words = [f"{int(seconds) // 60:3}:{int(seconds) % 60:02}", f"open {stats['open']:2} idle {stats['idle']:2}"]
    words += [f"requests {stats['requests']:,}", f"refused {stats['refused']:,}", f"timed out {stats['timed_out']:,}"]
    words += [f"heap {figures['used'] // 1024} kB", f"pcbs {active} and {waiting} in TIME_WAIT"]
    for name in ("tcp_pcb", "tcp_seg", "pbuf_pool", "heap"):
        used, most, size, failed = pools[name]
        words.append(f"{name.replace('heap', 'lwIP heap')} {used}, most {most} of {size}, none {failed} times")
    return "  ".join(words)


def grows(first, last, noise):
    """Whether the later figures lie above nearly all of the earlier ones, and that by the noise."""
    return statistics.median(last) > statistics.quantiles(first, n=20)[-1] + noise


def trends(samples):
    """What has grown from the first third of the samples to the last."""
    if len(samples) < 3 * SETTLE:
        return []
    samples = samples[SETTLE:]
    third = len(samples) // 3
    series = {"Python's heap": ([each["used"] for each in samples], HEAP_NOISE),
              "pcbs": ([each["pcbs"][0] for each in samples], 2)}
    found = []
    for name, (_, _, size, _) in samples[0]["pools"].items():
        series[f"lwIP's {name}"] = ([each["pools"][name][0] for each in samples], size / 20)
        marks = [each["pools"][name][1] for each in samples]
        if len(samples) >= MARKS_SETTLE and marks[-1] > marks[-third] + size / 10:
            found.append(f"the high-water mark of lwIP's {name}")
    for name, (figures, noise) in series.items():
        if grows(figures[:third], figures[-third:], noise):
            found.append(name)
    return found


def differences(before, after):
    """What is not as before, between two moments of rest."""
    found = []
    if after["used"] > before["used"] + HEAP_NOISE:
        found.append(f"Python's heap has {after['used']:,} bytes in use, before {before['used']:,}")
    for name in before["pools"]:
        if after["pools"][name][0] > before["pools"][name][0]:
            found.append(f"lwIP's {name}: {after['pools'][name][0]} in use, before {before['pools'][name][0]}")
    if after["stats"]["head_buffers_free"] < before["stats"]["head_buffers_free"]:
        found.append("head buffers are missing")
    return found


def miscounts(samples, reports):
    """Where the server's figures contradict each other, or what clients have seen."""
    found = []
    for before, after in zip(samples, samples[1:], strict=False):
        for name in ("requests", "status_2xx", "status_4xx", "status_5xx", "refused", "timed_out", "resets"):
            if after["stats"][name] < before["stats"][name]:
                found.append(f"{name} has gone down from {before['stats'][name]} to {after['stats'][name]}")
    most = max(each["stats"]["open"] for each in samples)
    if most > CONNECTIONS + CLOSING:
        found.append(f"{most} connections were open at once")
    stats = samples[-1]["stats"]
    seen = {digit: sum(n for report in reports for status, n in report["answers"].items() if status[0] == digit)
            for digit in "245"}
    for digit, count in seen.items():
        if stats[f"status_{digit}xx"] < count:
            found.append(f"clients have {count} answers of {digit}xx, the server counts {stats[f'status_{digit}xx']}")
    if stats["requests"] < stats["status_2xx"]:
        found.append(f"{stats['requests']} requests, but {stats['status_2xx']} answers of 2xx")
    if stats["status_5xx"] > stats["refused"] + stats["timed_out"]:
        found.append(f"{stats['status_5xx']} answers of 5xx, but {stats['refused']} refusals")
    wrap = 1 << 32
    received, sent = (sum(report[name] for report in reports) for name in ("received", "sent"))
    if max(received, sent) < wrap and max(stats["bytes_out"], stats["bytes_in"]) < wrap:
        if received > stats["bytes_out"] or stats["bytes_in"] > sent:
            found.append(f"clients have sent {sent:,} and got {received:,} bytes, the server has "
                         f"got {stats['bytes_in']:,} and sent {stats['bytes_out']:,}")
    return found


# ---- the whole


def soak(run, options):
    run.begin(build.BUILD / SIZES[options.sizes][1] / "modhttp", options.loss, options.clients, options.seed)
    reports = [run.warm_up()]
    before = run.sample()
    reports.append(run.load(options.minutes * 60))
    samples = list(run.samples)
    fresh = run.serve_a_fresh_client()
    print(f"a fresh client was served after {fresh * 1000:.0f} ms")
    if fresh > options.patience:
        run.problem(f"a fresh client had to wait {fresh:.1f} s")
    after = run.rest()
    show(reports[-1], json.loads(run.relay.last_line()), after)
    for text in [f"{name} has grown" for name in trends(samples)] + differences(before, after):
        run.problem(text)
    for text in miscounts([*samples, after], reports):
        run.problem(text)
    if run.problems:
        raise Refusal(f"{len(run.problems)} PROBLEMs: see above")
    print("flat: heap, pcbs and pools; the counts add up; nothing went wrong")


def show(report, frames, figures):
    """How the clients fared, and what it took."""
    for outcome, count in report["outcomes"].items():
        print(f"{count:9,}  {outcome}")
    print("answers: " + ", ".join(f"{count:,} of {status}" for status, count in report["answers"].items()))
    print("frames: " + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in frames.items()))
    print("stats: " + ", ".join(f"{name} {count:,}" for name, count in sorted(figures["stats"].items())))


def enter_namespace():
    """Start over in a network namespace of its own."""
    words = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--"]
    words += [sys.executable, os.path.abspath(__file__), "--inside", *sys.argv[1:]]
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:{need.SYSTEM_PATH}"
    os.execvp(words[0], words)


def minutes(text):
    value = float(text)
    if not 0 < value < 10000:
        raise ValueError
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=minutes, default=60)
    parser.add_argument("--clients", type=int, default=4 * CONNECTIONS)
    parser.add_argument("--loss", type=float, default=1, help="per cent of the packets, in each direction")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", choices=SIZES, default="board", help="of lwIP's pools: the host's are generous")
    parser.add_argument("--patience", type=float, default=1, help="seconds that a fresh client may wait after the load")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        need.ensure(["soak"])
        settings, directory = SIZES[options.sizes]
        build.host(*settings, directory=directory)
        enter_namespace()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    say(f"{options.clients} clients on {CONNECTIONS} connections, {options.loss:g} % loss, {options.minutes:g} minutes")
    with Soak() as run:
        soak(run, options)


if __name__ == "__main__":
    run_command(main)
