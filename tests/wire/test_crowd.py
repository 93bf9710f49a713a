"""64 connections against a server of 16: wrk, honest clients, slow ones and such as send rubbish.

No one gets anything but an answer or an orderly 503, and the server's figures are what the clients saw.
"""

import json
import os
import random
import re
import socket
import threading
import time
from collections import Counter

from links import fresh_client_is_served, in_namespace, program, reset_on_close, threads, wait_for_quiet

SECONDS = 60 if "MODHTTP_LONG" in os.environ else 15
WRK, HONEST, SLOW, RUBBISH = 24, 24, 8, 8

APP = program("""
TEXT = bytes(range(256)) * 40

@app.get("/big")
def big(request):
    return TEXT

@app.get("/stream")
def stream(request):
    for _ in range(10):
        yield TEXT[:500]
""", max_connections=16, head_timeout=5, progress_timeout=5)

BIG = bytes(range(256)) * 40

# Request, status, and what the body ends with.
REQUESTS = [
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, b"hello"),
    (b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n", 200, BIG),
    (b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", 200, BIG[:500] + b"\r\n0\r\n\r\n"),
    (b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n", 404, b"404 Not Found\n"),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n" + b"y" * 3000, 200, b"y" * 3000),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthere\r\n0\r\n\r\n", 200, b"there"),
]

MALFORMED = [
    b"\0" * 50,
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/3.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
]


class Tally:
    """What the clients saw: answers by status, and those that the server may have given unseen."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seen = Counter()
        self.unseen = 0
        self.connects = self.reused = 0

    def answer(self, status):
        with self.lock:
            self.seen[status] += 1

    def connect(self, server, **options):
        """A connection. The kernel may take a port again within a millisecond of its last use: the initial sequence
        number then lies in the window that lwIP's TIME_WAIT remembers, and gets a RST (RFC 9293, section 3.10.7.4).
        """
        while True:
            with self.lock:
                self.connects += 1
            try:
                return server.connect_here(**options)
            except ConnectionRefusedError:
                with self.lock:
                    self.reused += 1

    def lost(self):
        with self.lock:
            self.unseen += 1


def read_answer(s, end, pace=lambda: None):
    """Until the body ends so, or the connection. Returns the status (0: no answer at all) and whether it is whole."""
    data = b""
    while not (b"\r\n\r\n" in data and data.split(b"\r\n\r\n", 1)[1].endswith(end)):
        pace()
        piece = s.recv(65536)
        if not piece:
            break
        data += piece
    return int(data[9:12] or 0), data.endswith(end)


def honest(server, tally, chance, until):
    """Keeps its connection while the server does."""
    while time.monotonic() < until:
        with tally.connect(server) as s:
            for number in range(chance.choice([1, 5, 50])):
                data, expected, end = chance.choice(REQUESTS)
                try:
                    s.sendall(data)
                except ConnectionError:
                    assert number == 0      # a 503 came before the request, and is there to be read
                status, whole = read_answer(s, end)
                tally.answer(status)
                if status == 503 and number == 0:
                    break
                assert (status, whole) == (expected, True), (number, data[:40])


def slow(server, tally, chance, until):
    """Sends a head byte by byte, or takes a large answer in small bits. It may be told that it is too slow."""
    while time.monotonic() < until:
        with tally.connect(server, receive_buffer=2048) as s:
            try:
                if chance.random() < 0.5:
                    for byte in REQUESTS[0][0]:
                        s.sendall(bytes([byte]))
                        time.sleep(0.05)
                    status, _ = read_answer(s, b"hello")
                else:
                    s.sendall(REQUESTS[1][0])
                    status, _ = read_answer(s, BIG, lambda: time.sleep(0.02))
            except ConnectionError:
                tally.lost()
                continue
            assert status in (200, 408, 503), status
            tally.answer(status)


def rubbish(server, tally, chance, until):
    """Malformed, and gone in the middle of things."""
    while time.monotonic() < until:
        with tally.connect(server) as s:
            try:
                if chance.random() < 0.7:
                    s.sendall(chance.choice(MALFORMED))
                    s.shutdown(socket.SHUT_WR)
                    status, _ = read_answer(s, b"\0 never")
                    assert status in (400, 503, 505), status
                    tally.answer(status)
                else:
                    data = chance.choice(REQUESTS)[0]
                    s.sendall(data[:chance.randrange(len(data))])
                    reset_on_close(s)
                    tally.lost()
            except ConnectionError:
                tally.lost()
        time.sleep(0.01)


def wrk(server, tally):
    done = server.run("wrk", "-t1", f"-c{WRK}", f"-d{SECONDS}s", "--timeout", "30s", "http://10.77.0.2/")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done.stdout)
    connect, read, write, timeout = map(int, errors.groups()) if errors else (0, 0, 0, 0)
    total = int(re.search(r"(\d+) requests in", done.stdout)[1])
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    # wrk asks again at once when it is refused, thousands of times a second. On a busy machine it may come to write its
    # request only when the refused connection, or one that it left idle, is over. Beside ports used again, there may be
    # no other error.
    assert read == timeout == 0 and connect + write <= total / 1000, done.stdout
    with tally.lock:
        tally.seen[503] += int(refused[1]) if refused else 0
        tally.seen[200] += total - (int(refused[1]) if refused else 0)
        tally.unseen += WRK     # cut short at the end


TARGETS = ["host", "sanitized"] if SECONDS == 60 else ["host"]


def test_crowd(server):
    for data, _, end in REQUESTS:
        with server.connect() as s:
            s.sendall(data)
            read_answer(s, end)
    server.state()
    before = wait_for_quiet(server)
    tally = Tally()
    until = time.monotonic() + SECONDS
    clients = [honest] * HONEST + [slow] * SLOW + [rubbish] * RUBBISH
    calls = [lambda seed=seed, client=client: in_namespace(
        server.name, lambda: client(server, tally, random.Random(seed), until)) for seed, client in enumerate(clients)]
    with threads([*calls, lambda: wrk(server, tally)]):
        pass
    fresh_client_is_served(server)
    after = wait_for_quiet(server, before)
    assert server.console == "", "no handler raised"
    given = {kind: after["stats"][kind] - before["stats"][kind] for kind in before["stats"]}
    seen = {"seen": tally.seen, "unseen": tally.unseen, "reused": tally.reused}
    print(json.dumps({"seconds": SECONDS, **seen, "given": given}))
    # Each class of answers is what was seen, and of those unseen not more than there may be.
    for hundred in (2, 4, 5):
        seen = sum(count for status, count in tally.seen.items() if status // 100 == hundred)
        assert seen <= given[f"status_{hundred}xx"] <= seen + tally.unseen + 50, hundred
    assert given["status_5xx"] >= given["refused"] > 0
    assert tally.reused <= tally.connects / 1000
    assert tally.seen[200] > 100 and tally.seen[0] == 0
