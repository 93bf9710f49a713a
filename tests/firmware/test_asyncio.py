"""Under asyncio on the board, in its own time: what idling costs, and whether a program that serves keeps its hours."""

import json
import random
import re

import pytest

import emulated

ROOT = emulated.ROOT
MHZ = 125  # of the board

IDLE = """
import modhttp
app = modhttp.Server()

@app.get("/")
def index(request):
    return "hello"
"""


@pytest.mark.parametrize("way", [
    "import asyncio\nasyncio.run(app.serve())",
    "app.run()",
    "import time\napp.start(background=True)\ntime.sleep(2000)",
], ids=["serve", "run", "background"])
def test_a_thousand_idle_seconds_cost_nothing(way):
    """The board's own timers take 0.04 % of the processor's time, with a server or without."""
    with emulated.Board() as board:
        board.start(IDLE + way)
        board.run(100)
        assert board.get().endswith(b"hello")
        kept = board.connect(80)  # says nothing; the server lets go of it
        before = board.stats()["cycles"]
        board.run(1_000_000)
        assert board.stats()["cycles"] - before < 1000 * MHZ * 1_000_000 * 0.0005
        assert kept.recv(ms=0) == b"" and kept.finished
        began = board.now
        assert board.get().endswith(b"hello")
        assert board.now - began < 50


# ---- station.py blinks, samples and serves

SECONDS = 6
RATE = 50  # requests a second

CURL = "Host: 192.168.7.2\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n"
BROWSER = "Host: 192.168.7.2\r\n" + "".join(f"X-Field-{number}: {'value' * 6}\r\n" for number in range(8)) + "\r\n"


class Client:
    """One connection, with one request under way at a time."""

    def __init__(self, board):
        self.board = board
        self.connection = board.connect(80)
        self.asked = None

    def ask(self, request, fields=CURL):
        self.finish()
        self.asked = self.board.now
        self.connection.send(f"{request} HTTP/1.1\r\n{fields}".encode())

    def finish(self):
        """The body of the answer that is under way."""
        if self.asked is None:
            return None
        head = self.connection.recv(until=b"\r\n\r\n").decode()
        assert re.match(r"HTTP/1.1 20[04] ", head), head
        if "chunked" in head:
            body = self.connection.recv(until=b"\r\n0\r\n\r\n")
            body = b"".join(re.findall(rb"[0-9a-f]+\r\n([^\r]+)\r\n", body))
        else:
            length = re.search(r"Content-Length: (\d+)", head)
            body = self.connection.recv(size=int(length[1])) if length and length[1] != "0" else b""
        assert self.board.now - self.asked < 500, "milliseconds from request to answer"
        self.asked = None
        return body

    def get(self, request):
        self.ask(request)
        return self.finish()


REQUESTS = [
    ("GET /now", CURL), ("GET /samples?last=10", BROWSER), ("GET /", BROWSER), ("GET /timing", CURL),
    ("GET /samples?last=50", CURL), ("PUT /blink/50", CURL), ("GET /now", BROWSER),
]


@pytest.fixture(scope="module")
def station():
    with emulated.Board() as board:
        board.start((ROOT / "tests/firmware/station.py").read_text())
        board.run(1100)
        yield board
        result = board.output()
        assert (result.stdout, result.stderr, result.ended) == ("", "", False)


def ask_at_random(board, clients):
    """RATE requests a second, at times that keep no step with the board's; every tenth on a new connection."""
    chance = random.Random(1)
    began = board.now
    for number in range(SECONDS * RATE):
        due = began + (number + chance.random()) * 1000 / RATE
        if due > board.now:
            board.run(due - board.now)
        client = clients[number % len(clients)]
        if number % 10 == 9:
            client.finish()
            client.connection.close()
            client.connection = board.connect(80)
        client.ask(*REQUESTS[number % len(REQUESTS)])
    for client in clients:
        client.finish()
    return board.now - began


def test_station_keeps_its_hours_while_it_serves(station):
    watcher = Client(station)
    watcher.connection.send(f"GET /events HTTP/1.1\r\n{CURL}".encode())
    clients = [Client(station) for _ in range(4)]
    clients[0].get("PUT /blink/50")
    station.run(500)  # the change that was due before
    clients[0].get("DELETE /timing")
    passed = ask_at_random(station, clients)
    assert passed < SECONDS * 1000 + 100, "it has kept up with the requests"
    timing = json.loads(clients[0].get("GET /timing"))
    assert timing["samples"]["count"] == pytest.approx(passed / 20, abs=2)
    assert timing["blinks"]["count"] == pytest.approx(passed / 50, abs=2)
    for of in timing.values():
        assert of["p50"] <= of["p99"] <= 5000 and of["p99"] <= of["worst"], timing
    events = re.findall(r"data: (\{.*?\})\n\n", watcher.connection.recv(ms=10).decode())
    seconds = [json.loads(event)["second"] for event in events]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    assert len(seconds) >= SECONDS


def test_station_answers(station):
    client = Client(station)
    now = json.loads(client.get("GET /now"))
    assert 0 < now["least"] <= now["mean"] <= now["greatest"] < 60
    station.run(10_000)
    for count in (1, 5, 49, 500):
        samples = json.loads(client.get(f"GET /samples?last={count}"))
        assert len(samples) == count
        assert all(0 < celsius < 60 for celsius in samples)
    for wrong in (b"0", b"501", b"many", b""):
        client.connection.send(b"GET /samples?last=%s HTTP/1.1\r\n%s" % (wrong, CURL.encode()))
        assert client.connection.recv(until=b"500\n").startswith(b"HTTP/1.1 400 ")
