"""Python is in a handler for long: all that is not Python's goes on, and what is Python's waits in good order."""

import os

import pytest

from links import program, wait_for_quiet
from peer import Peer

LONG = "MODHTTP_LONG" in os.environ
CONNECTIONS = 16

APP = program("""
@app.get("/sleep/<int:ms>")
def sleep(request, ms):
    time.sleep_ms(ms)
    return "slept"

@app.get("/busy/<int:ms>")
def busy(request, ms):
    end = time.ticks_add(time.ticks_ms(), ms)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        pass
    return "was busy"

other = modhttp.Server(queue_timeout=2)     # nobody polls it

@other.get("/")
def other_index(request):
    return "never"

other.start(8000)
""")

# Seconds in which an answer comes that needs no Python: exact in virtual time, patient with a busy machine.
PROMPT = {"host": 2, "sanitized": 4, "rp2040": 0.15}

# Sleeping costs nothing in virtual time, and a busy loop more than it does on a board.
BLOCKED = {("rp2040", "sleep"): 10, ("rp2040", "busy"): 10 if LONG else 5}

NATIVE = {
    b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": b"404",
    b"OPTIONS / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": b"204",
    b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": b"405",
    b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": b"501",
    b"rubbish\r\n\r\n": b"400",
}


def ask(server, data):
    """A connection of its own: it is accepted and answered promptly. Returns the status."""
    start = server.link.now
    peer = Peer(server.link).connect()
    peer.send(data)
    answer = peer.rest()
    assert server.link.now - start < PROMPT[server.target]
    return answer[9:12]


def park(server, count, length=300):
    """Clients with a request and its body that nobody takes; every byte is acknowledged promptly."""
    peers = [Peer(server.link) for _ in range(count)]
    for peer in peers:
        body = b"%05d" % peer.source + b"." * (length - 5)
        peer.connect(PROMPT[server.target])
        peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length + body)
        assert peer.wait(lambda peer=peer: peer.in_flight == 0, PROMPT[server.target])
    return peers


def only_a_503(peer):
    return peer.received.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: " in peer.received


@pytest.mark.parametrize("how", ["sleep", "busy"])
def test_a_handler_that_blocks(server, how):
    link = server.link
    server.state()
    before = wait_for_quiet(server)
    seconds = BLOCKED.get((server.target, how), 10 if LONG else 6)
    blocker = Peer(link).connect()
    blocker.get(f"/{how}/{seconds * 1000}")
    link.run(0.1)
    until = link.now + seconds - 0.2

    # Of the other server, requests that no one fetches in two seconds.
    late = [Peer(link, port=8000).connect() for _ in range(3)]
    for peer in late:
        peer.get("/")
    asked = link.now
    parked = park(server, CONNECTIONS - 4)
    while link.now < (asked + 3 if seconds < 10 else until - 2):
        for data, status in NATIVE.items():
            assert ask(server, data) == status
        link.run(0.2)
        if link.now < asked + 1.5:
            assert not any(peer.received for peer in late)
    assert all(peer.finished and only_a_503(peer) for peer in late)

    # The pool is filled: it is said so at once, too.
    parked += park(server, CONNECTIONS - 1 - len(parked))
    full = Peer(link).connect(PROMPT[server.target])
    assert full.wait(lambda: full.finished, PROMPT[server.target])
    assert only_a_503(full)
    assert link.now < until and not blocker.received, "Python was busy all the while"

    blocker.expect(b"slept" if how == "sleep" else b"was busy", seconds=PROMPT[server.target] + 2)
    for peer in parked:
        answer = peer.expect(b"." * 295)
        assert answer.startswith(b"HTTP/1.1 200 ") and b"\r\n\r\n%05d." % peer.source in answer
    for peer in (blocker, full, *late, *parked):
        peer.rst()
    wait_for_quiet(server, before)
