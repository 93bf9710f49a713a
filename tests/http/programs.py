"""Programs that more than one module of tests/http talks to."""

import contextlib
import json
import time
from pathlib import Path

APP = Path(__file__).parent / "app.py"


def app_with(settings):
    """The text of app.py, with its Server made by another call."""
    text = APP.read_text()
    assert text.count("modhttp.Server()") == 1
    return text.replace("modhttp.Server()", f"modhttp.{settings}")


def wait_until_alone(server):
    """Until only the connection that asks is there, and until its end too. Returns /state."""
    deadline = time.monotonic() + server.patience
    while True:
        with server.wire() as wire:
            wire.get("/state", "Connection: close\r\n")
            answer = wire.answer()
            assert wire.rest() == b""
        state = json.loads(answer.body) if answer.status == 200 else {}
        if state and state["stats"]["open"] == 1:
            return state
        assert time.monotonic() < deadline, answer.body
        time.sleep(0.1)


HOLD = b"POST /length HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 20000\r\nExpect: 100-continue\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
RELEASE = b"x" * 20000
WAIT = b"GET /str HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"


@contextlib.contextmanager
def held(server):
    """Two connections: Python is with the first's request, until release(); the second's waits for Python."""
    with server.wire() as first, server.wire() as second:
        first.send(HOLD)
        assert first.makefile("rb").read(len(INTERIM)) == INTERIM, "asked for by the handler, which has it now"
        second.send(WAIT)
        yield first, second


def release(first):
    first.send(RELEASE)
