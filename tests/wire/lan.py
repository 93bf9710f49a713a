"""Hosts of ours and the kernel on one Ethernet: a bridge in a network namespace, with a TAP device for each host."""

import contextlib
import http.client
import itertools
import os
import signal
import subprocess
import threading
import time

import target as targets
from links import in_namespace
from peer import PATIENCE

KERNEL = "10.78.0.1"
BRIDGE = "br0"
NUMBERS = itertools.count()

# A second server, by which the test has the program do what it says.
PROGRAM = """
import gc, time, modhttp
control = modhttp.Server(max_connections=2)

@control.post("/eval")
def evaluate(request):
    return repr(eval(request.text, globals()))

@control.post("/exec")
def execute(request):
    exec(request.text, globals())
    return 204

{source}
control.start(8080)
print("ready")
while True:
    control.poll(5)
    app.poll(5)
"""


class Host:
    """A program on the LAN."""

    def __init__(self, lan, number, source, target):
        self.lan = lan
        self.address = f"10.78.0.{number}"
        self.device = f"tap{number}"
        self.app = lan.directory / f"host{number}.py"
        self.app.write_text(PROGRAM.format(source=source))
        self.console = ""
        binary = targets.build.BUILD / targets.BUILDS.get(target, ("", "host"))[1] / "modhttp"
        environment = {**os.environ, "MODHTTP_TAP": f"{self.device},{self.address}/24,{KERNEL}"}
        self.process = subprocess.Popen(["ip", "netns", "exec", lan.name, binary, self.app], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment, text=True, errors="replace")
        line = self.process.stdout.readline()
        assert line == "ready\n", line + self.process.stdout.read()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        lan.ip(f"link set {self.device} master {BRIDGE} up")

    def _read(self):
        for line in self.process.stdout:
            self.console += line

    def request(self, method, path, body=None, port=80, **headers):
        """An HTTP request from the kernel. Returns the answer's status, headers and text."""
        def ask():
            connection = http.client.HTTPConnection(self.address, port, timeout=PATIENCE)
            with contextlib.closing(connection):
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read().decode()
        return in_namespace(self.lan.name, ask)

    def eval(self, text):
        status, _, said = self.request("POST", "/eval", text, 8080)
        assert status == 200, said
        return eval(said)   # what the program's repr() says

    def exec(self, text):
        status, _, said = self.request("POST", "/exec", text, 8080)
        assert status == 204, said

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        self._reader.join()
        for sign in ("Sanitizer", "runtime error:", "lwIP assertion"):
            assert sign not in self.console, self.console


class Lan:
    def __init__(self, directory):
        self.name = f"modhttp-lan-{os.getpid()}-{next(NUMBERS)}"
        self.directory = directory
        self.hosts = []

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        try:
            # Without a querier's question the bridge would not know who listens to which group.
            self.ip(f"link add {BRIDGE} type bridge mcast_snooping 0")
            self.ip(f"addr add {KERNEL}/24 dev {BRIDGE}")
            self.ip(f"link set {BRIDGE} up")
            self.ip("link set lo up")
            self.ip(f"route add 224.0.0.0/4 dev {BRIDGE}")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *exception):
        try:
            for host in self.hosts:
                host.stop()
        finally:
            self._remove()

    def _remove(self):
        for host in self.hosts:
            host.process.kill()
        subprocess.run(["ip", "netns", "delete", self.name], check=True)

    def ip(self, words):
        subprocess.run(["ip", "-n", self.name, *words.split()], check=True)

    def host(self, number, source, target="host"):
        """A program at 10.78.0.NUMBER, listening."""
        targets.prepare(target)
        self.hosts.append(Host(self, number, source, target))
        return self.hosts[-1]

    def here(self, function):
        """Call it in a thread of the LAN's."""
        return in_namespace(self.name, function)

    def run(self, *command):
        """A command's output."""
        return subprocess.run(["ip", "netns", "exec", self.name, *map(str, command)], capture_output=True, text=True,
                              check=False, timeout=PATIENCE).stdout


def wait_for(what, seconds=PATIENCE):
    """Until what() is true. Returns it."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)
    return found
