"""Attacks: while one runs, others are served as the pool's policy says; within a second of its end all is as before."""

import os
import random
import time
from collections import Counter

import pytest
from dpkt.tcp import TH_ACK, TH_SYN

from links import fresh_client_is_served, program, wait_for_quiet
from peer import ISN, Link, Peer, get

LONG = "MODHTTP_LONG" in os.environ
CONNECTIONS = 8

APP = program("""
TEXT = bytes(range(256)) * 64

@app.get("/big")
def big(request):
    return TEXT
""", max_connections=CONNECTIONS, head_timeout=3, progress_timeout=2, idle_timeout=5)

# Seconds in which an answer comes whatever goes on: exact in virtual time, patient with a busy machine.
PROMPT = {"host": 2, "sanitized": 4, "rp2040": 0.15}


def others(server, seconds, pause=0.1):
    """What clients get that come now and then for so long: {status: count}. Each gets its answer promptly."""
    found = Counter()
    until = server.link.now + seconds
    while server.link.now < until:
        start = server.link.now
        found[get(server.link, "/")[0]] += 1
        assert server.link.now - start < PROMPT[server.target]
        server.link.run(pause)
    return found


# ---- slowhttptest

SLOW = {
    "headers": ["-H", "-i", 1, "-x", 10, "-u", "/"],
    "body": ["-B", "-i", 1, "-x", 10, "-s", 4096, "-u", "/echo"],
    "read": ["-X", "-n", 1, "-z", 5, "-w", 10, "-y", 50, "-u", "/big"],
    "range": ["-R", "-a", 1, "-b", 1000, "-u", "/"],
}


@pytest.mark.parametrize("server", ["host", "sanitized"] if LONG else ["host"], indirect=True)
@pytest.mark.parametrize("mode", SLOW)
def test_slowhttptest(server, nothing_left, mode, tmp_path):
    """Five times as many slow clients as there are connections."""
    options = [f"http://10.77.0.2{word}" if str(word).startswith("/") else word for word in SLOW[mode]]
    seconds = 60 if LONG else 5
    options += ["-c", 5 * CONNECTIONS, "-r", 5 * CONNECTIONS, "-l", seconds, "-p", 3]
    attack = server.popen("slowhttptest", *options)
    time.sleep(0.5)
    found = others(server, seconds - 1)
    said = attack.communicate(timeout=seconds + 30)[0]
    assert "Exit status" in said, said
    assert set(found) <= {200, 503}
    assert found[200] > 0, "slow clients make room"


# ---- silent connections


def test_silent_connections(server, nothing_left):
    """All connections taken by clients that never send: they give way once they have been silent for two seconds."""
    silent = [Peer(server.link).connect() for _ in range(CONNECTIONS)]
    if server.target == "rp2040":
        server.link.run(1.2)
        assert get(server.link, "/")[0] == 503, "a first request may still be on its way"
    server.link.run(2.2)
    for _ in range(CONNECTIONS):
        assert get(server.link, "/")[0] == 200
    server.link.run(0.1)
    assert any(peer.finished for peer in silent)
    assert not any(peer.received for peer in silent)
    for peer in silent:
        peer.rst()


def test_silent_connections_end_by_themselves(server, nothing_left):
    silent = [Peer(server.link).connect() for _ in range(3)]
    assert server.link.pump(lambda: all(peer.finished for peer in silent), 8)
    assert not any(peer.received for peer in silent)
    for peer in silent:
        peer.fin()


# ---- clients that do not read


@pytest.mark.parametrize("fields", ["", "Connection: close\r\n"], ids=["keep", "close"])
@pytest.mark.parametrize("path", ["/", "/big"])
def test_zero_windows(server, nothing_left, path, fields):
    """Clients that never take their answers: they are left after progress_timeout, or where others need room."""
    deaf = [Peer(server.link, limit=0, window=2000).connect() for _ in range(CONNECTIONS)]
    for peer in deaf:
        peer.get(path, fields)
    found = others(server, 6, pause=0.2)
    assert set(found) <= {200, 503} and found[200] > 10
    assert all(peer.reset for peer in deaf)
    assert not any(peer.received for peer in deaf)


def test_windows_shut_in_the_middle_of_answers(server, nothing_left):
    deaf = [Peer(server.link, limit=1000 + 100 * number).connect() for number in range(CONNECTIONS - 1)]
    for peer in deaf:
        peer.get("/big")
    found = others(server, 6, pause=0.2)
    assert set(found) == {200}, "there was one connection left"
    assert all(peer.reset for peer in deaf)


# ---- bodies that drip


@pytest.mark.parametrize("size", [4000, 15000])
def test_dripping_bodies_hold_up_no_handler(server, nothing_left, size):
    """A byte of body now and then from all connections but one; Python's handlers serve the others at once."""
    slow = [Peer(server.link).connect() for _ in range(CONNECTIONS - 1)]
    for peer in slow:
        peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * (size // 2))
    server.link.run(0.5)        # the line is busy with what they sent
    for _ in range(20):
        for peer in slow:
            if not peer.reset:
                peer.transmit(data=b"x")
                peer.sequence += 1
        assert set(others(server, 0.2)) == {200}
    assert server.link.pump(lambda: all(peer.finished or peer.reset for peer in slow), 10)
    for peer in slow:
        assert peer.received.startswith(b"HTTP/1.1 408 ") or peer.received.startswith(b"HTTP/1.1 503 ")
        peer.fin()


# ---- nonsense


def test_random_segments(server, nothing_left):
    """Any flags, numbers and data, to open connections and to none."""
    chance = random.Random(5)
    peers, gone = [Peer(server.link).connect() for _ in range(4)], []
    for number in range(300):
        peer = chance.choice(peers)
        if peer.reset or peer.finished:
            gone.append(peer)
            peers[peers.index(peer)] = peer = Peer(server.link).connect()
        peer.next = (peer.next + chance.choice([0, 0, 1, -1, 5000, 1 << 31])) & 0xFFFFFFFF
        data = chance.randbytes(chance.choice([0, 0, 1, 20, 600]))
        flags = chance.randrange(64)
        if not flags & TH_ACK:
            flags &= ~TH_SYN        # that is another test
        peer.transmit(flags, data, sequence=peer.sequence + chance.choice([0, 0, 1, -1, 700, 1 << 31]))
        server.link.run(0.002)
        if number % 50 == 0:
            assert get(server.link, "/")[0] in (200, 503)
    for peer in peers + gone:
        peer.transmit(sequence=peer.sequence - 100_000)     # out of any window: tells what is expected next
        server.link.run(0.02)
        peer.sequence = peer.unacknowledged
        peer.rst()


# ---- half-open connections; last, because lwIP keeps some of them for 20 seconds


class Flood:
    """SYNs from many addresses, which are never followed up."""

    def __init__(self, link: Link, seed):
        self.link = link
        self.chance = random.Random(seed)

    def send(self, count):
        for _ in range(count):
            network = self.link.address[:3]
            peer = Peer(self.link, address=network + bytes([self.chance.randrange(20, 250)]))
            peer.forget()
            peer.transmit(TH_SYN, sequence=ISN)


@pytest.mark.parametrize("server", ["host", "rp2040"], indirect=True)
def test_half_open_connections(server):
    """They are dropped for those who come after, so that a flood is over when it is over."""
    before = wait_for_quiet(server)
    flood = Flood(server.link, 1)
    for _ in range(10):
        flood.send(40)
        server.link.run(0.3)
    server.link.run(1.0)
    fresh_client_is_served(server)
    if server.target == "rp2040":
        wait_for_quiet(server, before)
