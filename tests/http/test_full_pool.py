"""When all slots are taken: who makes room, and who is refused."""

import time

import pytest

APP = """
import modhttp
app = modhttp.Server(max_connections=4, progress_timeout=8, head_timeout=8)

@app.get("/")
def index(request):
    return "here"

@app.post("/echo")
def echo(request):
    return request.body

app.run(port=80)
"""

HELD = {
    "never sent a byte": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost:",
    "half a body": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nabc",
    "half a large body that nobody reads": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\nabc",
}


def is_served(program):
    """Whether a newcomer gets its answer; else it must be an orderly 503."""
    with program.wire() as wire:
        wire.get("/")
        answer = wire.answer()
        if answer.status == 200:
            return True
        assert (answer.status, answer.headers["Retry-After"], answer.headers["Connection"]) == (503, "1", "close")
        assert wire.rest() == b""
        return False


@pytest.mark.parametrize("what", HELD)
def test_a_client_that_keeps_us_waiting_makes_room(start, what):
    program = start(APP)
    holders = [program.wire() for _ in range(4)]
    for wire in holders:
        wire.send(HELD[what])
    began = time.monotonic()
    while not is_served(program):
        assert time.monotonic() - began < program.patience / 2
        time.sleep(0.1)
    for wire in holders:
        wire.socket.close()
    assert is_served(program)


def test_clients_that_keep_moving_stay(start):
    program = start(APP)
    holders = [program.wire() for _ in range(4)]
    for _ in range(15):
        for wire in holders:
            wire.get("/")
            assert wire.answer().status == 200
        is_served(program)
