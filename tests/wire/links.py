"""Servers on a line of their own, with raw packets at the other end of it.

On the host the line is a TAP device in a network namespace (needs root and /dev/net/tun); on the emulated board, the
serial line in virtual time.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections import namedtuple
from pathlib import Path

import dpkt
import pytest

import emulated
import target as targets
from peer import PATIENCE, Link, get

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
DEVICE = "tap0"
KERNEL, ADDRESS, RAW = "10.77.0.1", "10.77.0.2", "10.77.0.9"   # the kernel's end, the server, our raw packets
RAW_MAC = b"\2\0\0\0\0\x09"
BAUD = 921_600

# What every program of these tests begins with; `limits` are Server's arguments.
PROGRAM = """
import gc, time, _modhttp, modhttp
app = modhttp.Server({limits})

@app.get("/")
def index(request):
    return "hello"

@app.post("/echo")
def echo(request):
    return request.body

@app.get("/state")
def state(request):
    gc.collect()
    return {{"free": gc.mem_free(), "pcbs": _modhttp.pcbs(), "stats": app.stats()}}

{more}
app.start()
print("ready")
while True:
    app.poll(1000)
"""


def program(more="", **limits):
    return PROGRAM.format(more=more, limits=", ".join(f"{name}={value}" for name, value in limits.items()))


def may_make_namespaces():
    return os.geteuid() == 0 and os.path.exists("/dev/net/tun")


def in_namespace(name, function):
    """Run a function in a thread of its own that has moved to the namespace: sockets made there stay there."""
    result = []

    def move_and_call():
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{name}") as namespace:
            assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            result.append(function())
        except Exception as error:
            result.append(error)

    thread = threading.Thread(target=move_and_call)
    thread.start()
    thread.join()
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


def only_raw_packets():
    """A classic BPF program for SO_ATTACH_FILTER: ARP, and IPv4 from the server to others than the kernel.

    Else what the kernel exchanges with the server would fill the socket, and take the test's time.
    """
    load_half, load_word, equal, give = 0x28, 0x20, 0x15, 0x06
    server, kernel = (int.from_bytes(socket.inet_aton(address), "big") for address in (ADDRESS, KERNEL))
    lines = [
        (load_half, 0, 0, 12),
        (equal, 5, 0, dpkt.ethernet.ETH_TYPE_ARP),      # to the last but one
        (equal, 0, 5, dpkt.ethernet.ETH_TYPE_IP),       # else to the last
        (load_word, 0, 0, 26),
        (equal, 0, 3, server),
        (load_word, 0, 0, 30),
        (equal, 1, 0, kernel),
        (give, 0, 0, 0x40000),
        (give, 0, 0, 0),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in lines), len(lines)


class TapLink(Link):
    """Raw packets beside the kernel's own: another address, which the kernel does not answer for."""

    address, server = socket.inet_aton(RAW), socket.inet_aton(ADDRESS)

    def __init__(self, namespace):
        super().__init__()
        self.socket = in_namespace(namespace, self._open)
        self.mac = b"\xff" * 6
        self._resolve()

    @staticmethod
    def _open():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        code, count = only_raw_packets()
        code = ctypes.create_string_buffer(code)
        s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", count, ctypes.addressof(code)))
        s.bind((DEVICE, 0))
        return s

    @property
    def now(self):
        return time.monotonic()

    def _frame(self, kind, data):
        self.socket.send(bytes(dpkt.ethernet.Ethernet(dst=self.mac, src=RAW_MAC, type=kind, data=bytes(data))))

    def _arp(self, operation, sender, target, target_mac=bytes(6)):
        arp = dpkt.arp.ARP(op=operation, sha=RAW_MAC, spa=sender, tha=target_mac, tpa=target)
        self._frame(dpkt.ethernet.ETH_TYPE_ARP, arp)

    def _resolve(self):
        """The server's hardware address."""
        self._arp(dpkt.arp.ARP_OP_REQUEST, self.address, self.server)
        until = self.now + PATIENCE
        while self.mac == b"\xff" * 6:
            assert self.now < until, "no answer to ARP"
            self.take(0.05)

    def _on_arp(self, arp):
        if arp.op == dpkt.arp.ARP_OP_REPLY and arp.spa == self.server:
            self.mac = arp.sha
        elif arp.op == dpkt.arp.ARP_OP_REQUEST and arp.tpa not in (self.server, socket.inet_aton(KERNEL)):
            self._arp(dpkt.arp.ARP_OP_REPLY, arp.tpa, arp.spa, arp.sha)      # all others are ours

    def put(self, packet):
        start = self.now
        self._frame(dpkt.ethernet.ETH_TYPE_IP, packet)
        return start, self.now

    def take(self, seconds):
        until = self.now + seconds
        while select.select([self.socket], [], [], max(0.0, until - self.now))[0]:
            data, (_, _, kind, _, _) = self.socket.recvfrom(65536)
            frame = dpkt.ethernet.Ethernet(data)
            if kind == socket.PACKET_OUTGOING or frame.src == RAW_MAC:
                continue
            if isinstance(frame.data, dpkt.arp.ARP):
                self._on_arp(frame.data)
            elif isinstance(frame.data, dpkt.ip.IP) and frame.data.src == self.server:
                now = self.now
                return now, now, bytes(frame.data)
        return None

    def close(self):
        self.socket.close()


def line_seconds(packet):
    """On the serial line, SLIP's framing included."""
    escapes = packet.count(b"\xc0") + packet.count(b"\xdb")
    return (len(packet) + escapes + 2) * 10 / BAUD


class BoardLink(Link):
    """The emulated board's line, in its own time."""

    address, server = socket.inet_aton("192.168.7.1"), socket.inet_aton("192.168.7.2")

    def __init__(self, board):
        super().__init__()
        self.board = board
        self.line_free = 0.0
        board.sniff()

    @property
    def now(self):
        return self.board.now / 1000

    def put(self, packet):
        start = max(self.now, self.line_free)
        self.line_free = start + line_seconds(packet)
        self.board.packet(packet)
        return start, self.line_free

    def take(self, seconds):
        at, data = self.board.packet_from(ms=seconds * 1000)
        return data and (at / 1000 - line_seconds(data), at / 1000, data)

    def close(self):
        pass


Segment = namedtuple("Segment", "at port from_server flags sequence acknowledged window length")


class Trace:
    """What tcpdump saw on the TAP of TCP, once the with-block has ended."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.segments = []

    def __enter__(self):
        self.file = tempfile.NamedTemporaryFile(suffix=".pcap")
        command = ["ip", "netns", "exec", self.namespace, "tcpdump", "--immediate-mode", "-U", "-n", "-s", "96",
                   "-B", "16384", "-Z", "root", "-i", DEVICE, "-w", self.file.name, "tcp"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        while b"listening on" not in (line := self.process.stderr.readline()):
            assert line, "tcpdump did not start"
        return self

    def __exit__(self, *exception):
        time.sleep(0.3)     # what is on its way to tcpdump
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=PATIENCE)[1]
        assert b"\n0 packets dropped by kernel" in said, said
        with self.file, open(self.file.name, "rb") as file:
            self.segments = [self._segment(at, data) for at, data in dpkt.pcap.Reader(file)]

    @staticmethod
    def _segment(at, data):
        ip = dpkt.ethernet.Ethernet(data).data
        tcp = ip.data
        from_server = ip.src == socket.inet_aton(ADDRESS)
        return Segment(at, tcp.dport if from_server else tcp.sport, from_server, tcp.flags, tcp.seq, tcp.ack, tcp.win,
                       ip.len - ip.hl * 4 - tcp.off * 4)

    def of(self, port):
        """One connection's, by the client's port."""
        return [segment for segment in self.segments if segment.port == port]


class HostServer:
    """A program on lwIP with a TAP of its own; connect() gives kernel sockets at the other end."""

    target = "host"

    def __init__(self, target, source, directory):
        targets.prepare(target)
        self.target = target
        self.name = f"modhttp-{os.getpid()}-{id(self) & 0xffff:x}"
        self.console = ""
        self.app = Path(directory) / "wire_program.py"
        self.app.write_text(source)

    def __enter__(self):
        self.niceness = os.getpriority(os.PRIO_PROCESS, 0)
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)     # a busy machine shall not look like a slow server
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        try:
            self._start()
            self.link = TapLink(self.name)
        except BaseException:
            self._remove()
            raise
        return self

    def _start(self):
        inside = ["ip", "netns", "exec", self.name]
        binary = targets.build.BUILD / targets.BUILDS.get(self.target, ("", "host"))[1] / "modhttp"
        environment = {**os.environ, "MODHTTP_TAP": f"{DEVICE},{ADDRESS}/24,{KERNEL}"}
        self.process = subprocess.Popen([*inside, binary, self.app], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env=environment, text=True, errors="replace")
        line = self.process.stdout.readline()
        assert line == "ready\n", line + self.process.stdout.read()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        for words in (f"addr add {KERNEL}/24 dev {DEVICE}", f"link set {DEVICE} up", "link set lo up"):
            subprocess.run([*inside, "ip", *words.split()], check=True)

    def _read(self):
        for line in self.process.stdout:
            self.console += line

    def __exit__(self, kind, *exception):
        self.link.close()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(PATIENCE)
        finally:
            self._remove()
        for sign in ("Sanitizer", "runtime error:", "lwIP assertion"):
            assert sign not in self.console, self.console

    def _remove(self):
        if getattr(self, "process", None) and self.process.poll() is None:
            self.process.kill()
        subprocess.run(["ip", "netns", "delete", self.name], check=True)
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, self.niceness)

    # ---- clients in the kernel

    def run(self, *command, **options):
        """A program in the namespace."""
        return subprocess.run(["ip", "netns", "exec", self.name, *map(str, command)], capture_output=True, text=True,
                              check=False, **options)

    def popen(self, *command):
        return subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, command)], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def connect(self, **options):
        """A kernel socket in the namespace, from anywhere."""
        return in_namespace(self.name, lambda: self.connect_here(**options))

    @staticmethod
    def connect_here(receive_buffer=0, port=80, timeout=PATIENCE):
        """The same, from a thread that is in the namespace already."""
        s = socket.socket()
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.settimeout(timeout)
        s.connect((ADDRESS, port))
        return s

    def exchange(self, data):
        with self.connect() as s:
            s.sendall(data)
            return read_all(s)

    def get(self, path):
        answer = self.exchange(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return answer.split(b"\r\n\r\n", 1)

    def trace(self):
        return Trace(self.name)

    def state(self):
        head, body = self.get("/state")
        return json.loads(body) if head.startswith(b"HTTP/1.1 200") else None


class BoardServer:
    """A program on the emulated board."""

    target = "rp2040"

    def __init__(self, target, source, directory):
        targets.prepare(target)
        self.source = source

    def __enter__(self):
        self.board = emulated.Board()
        try:
            self.board.start(self.source)
            self.board.run(100)
            assert self.board.output().stdout == "ready\r\n", self.board.output()
            self.link = BoardLink(self.board)
        except BaseException:
            self.board.close()
            raise
        return self

    def __exit__(self, *exception):
        self.board.close()

    @property
    def console(self):
        result = self.board.output()
        return result.stdout + result.stderr

    def state(self):
        status, body = get(self.link, "/state")
        return json.loads(body) if status == 200 else None


def serving(target, source, directory):
    """A context manager: the program, listening."""
    if target != "rp2040" and not may_make_namespaces():
        pytest.skip("needs root and /dev/net/tun")
    return (BoardServer if target == "rp2040" else HostServer)(target, source, directory)


def wait_for_quiet(server, before=None, head_buffers=7):
    """Until the connection that asks is the only one, and its head the only one that is held. Returns the state.

    With `before`, an earlier state: memory and pcbs must be as they were.
    """
    until = server.link.now + PATIENCE
    while True:
        state = server.state()
        if state is not None and state["pcbs"][0] == 1 and state["stats"]["open"] == 1 and \
                state["stats"]["head_buffers_free"] >= head_buffers:
            break
        assert server.link.now < until, state
        server.link.run(0.1)
    if before is not None:
        assert state["pcbs"][:2] == before["pcbs"][:2]
        assert before["free"] - state["free"] < 512, "what the heap lost, in bytes"
    return state


def fresh_client_is_served(server, seconds=1.0):
    """The promise after every attack, by the link's clock."""
    start = server.link.now
    status, body = get(server.link, "/")
    assert (status, body) == (200, b"hello")
    assert server.link.now - start < seconds


def read_all(s):
    """All bytes to a clean end; a RST is an error."""
    data = b""
    while piece := s.recv(65536):
        data += piece
    return data


def reset_on_close(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def threads(functions):
    """Each in a thread of its own; the first exception of any is raised at the end."""
    errors = []

    def call(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=call, args=(function,)) for function in functions]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        for thread in running:
            thread.join()
    if errors:
        raise errors[0]
