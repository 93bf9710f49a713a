#!/usr/bin/env python3
"""Requests a second on this machine, and what each costs its processor: wrk against the host build over a TAP device.

bench.py calls this. All of it happens in a network namespace of its own, in which this file runs itself with the jobs
as JSON on its standard input. One run goes through all programs: what else the machine does is the same for all.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

# The program's file, {name: bytes} beside it, the path and more fields of its requests, the binary that runs it.
Job = namedtuple("Job", "program files path fields binary")

ADDRESS = "10.77.0.2"
CONNECTIONS = (1, 8, 64)
PATIENCE = 20
CLOSE = "Connection: close"
ROM = "rom.img"  # beside a program: what is mounted at /rom
# Before and behind each program: room for all of these connections, of which a server of ours has 16 as it is; and what
# is the REPL on the board, after the program's end.
ROOM = b"""
import modhttp
def roomy(self, begin=modhttp.Server.__init__, **limits):
    limits["max_connections"] = 80
    begin(self, **limits)
modhttp.Server.__init__ = roomy
"""
STAY = b"\nimport time\nwhile True: time.sleep(1)\n"


class Server:
    """A program on lwIP, in this namespace."""

    def __init__(self, binary, program, path):
        self.path = path
        place = Path(program).parent
        environment = os.environ | {"MODHTTP_TAP": f"tap0,{ADDRESS}/24,10.77.0.1"}
        if (place / ROM).exists():
            environment["MODHTTP_ROMFS"] = str(place / ROM)
        self.process = subprocess.Popen([binary, program], cwd=place, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        end = time.monotonic() + PATIENCE
        try:
            while not self._answers():
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError("it does not serve")
                time.sleep(0.05)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _answers(self):
        """A whole request: to connect and say nothing is more than Adafruit's server outlives."""
        for words in ("addr replace 10.77.0.1/24 dev tap0", "link set tap0 up"):
            if subprocess.run(["ip", *words.split()], check=False, stderr=subprocess.DEVNULL).returncode:
                return False
        try:
            with socket.create_connection((ADDRESS, 80), timeout=1) as client:
                client.sendall(f"GET {self.path} HTTP/1.1\r\nHost: {ADDRESS}\r\n\r\n".encode())
                return client.recv(1) != b""
        except OSError:
            return False

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()

    def user_seconds(self):
        """Of the processor, in user mode: the kernel's TAP and wrk's own work are not the server's."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def wrk(connections, seconds, path, fields):
    """Returns (good answers, these a second). Raises RuntimeError where there are none."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    command += [word for field in fields for word in ("-H", field)]
    for _ in range(3):  # a crowd's connections may still be ending
        done = subprocess.run([*command, f"http://{ADDRESS}{path}"], check=False, capture_output=True, text=True)
        if done.returncode == 0:
            count, duration = re.search(r"(\d+) requests in ([\d.]+)s", done.stdout).groups()
            refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
            good = int(count) - int(refused[1] if refused else 0)
            if good == 0:
                raise RuntimeError(f"wrk, {connections} connections: no good answer")
            return good, good / float(duration)
        time.sleep(2)
    raise RuntimeError(f"wrk, {connections} connections: {done.stderr.strip()}")


def measure_server(name, server, path, fields, seconds):
    """(key, figure) of each: a crowd is too much for some."""
    for connections in CONNECTIONS:
        with contextlib.suppress(RuntimeError):
            wrk(connections, 1, path, fields)  # not the first requests of all
        try:
            before = server.user_seconds()
            count, rate = wrk(connections, seconds, path, fields)
        except RuntimeError as error:
            complain(name, error)
            continue
        yield f"{name}.rate{connections}", round(rate)
        if connections == 8:
            yield f"{name}.user_us", round((server.user_seconds() - before) / count * 1e6, 2)


def complain(name, error):
    print(f"modhttp: {name}: {error}", file=sys.stderr)


def measure_here(jobs, seconds):
    """{NAME.rate1, NAME.rate8, NAME.rate64, NAME.user_us}; the last is per request, with 8 connections."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    found = {}
    for name, (binary, program, path, fields) in jobs.items():
        try:
            with Server(binary, program, path) as server:
                found |= measure_server(name, server, path, fields, seconds)
        except RuntimeError as error:
            complain(name, error)
    return found


def measure(jobs, seconds):
    """`jobs`: {name: Job}. Flat figures."""
    with tempfile.TemporaryDirectory() as directory:
        inside = {}
        for name, (program, files, path, fields, binary) in jobs.items():
            place = Path(directory) / name
            for file, data in {"program.py": ROOM + program.read_bytes() + STAY, **files}.items():
                (place / file).parent.mkdir(parents=True, exist_ok=True)
                (place / file).write_bytes(data)
            inside[name] = (binary, str(place / "program.py"), path, fields)
        words = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--"]
        words += [sys.executable, os.path.abspath(__file__)]
        jobs = json.dumps([inside, seconds])
        done = subprocess.run(words, check=False, input=jobs, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError("see above")
        return json.loads(done.stdout)


if __name__ == "__main__":
    json.dump(measure_here(*json.load(sys.stdin)), sys.stdout)
