"""Tests of sensors and values: the program that they talk to, and clients of it."""

import http.client
import json
from collections import namedtuple
from pathlib import Path

PROGRAM = (Path(__file__).parent / "sensors.py").read_text()

Event = namedtuple("Event", "id event data")


def evaluate(server, expression):
    """What the program makes of an expression: its value, or the exception as str."""
    with server.client() as client:
        answer = client.post("/eval", content=expression.encode()).json()
    return answer.get("value", answer.get("raised"))


def execute(server, statements):
    with server.client() as client:
        assert client.post("/exec", content=statements.encode()).status_code == 204


def update(server, sensor="room", **fields):
    """Take a sample. Returns its number."""
    written = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    return evaluate(server, f"({sensor}.update({written}), {sensor}.seq)[1]")


class Subscriber:
    """A client of path/events."""

    def __init__(self, server, path, fields="", version="1.1"):
        self.wire = server.wire()
        self.wire.get(f"{path}/events", fields, version)
        self.response = http.client.HTTPResponse(self.wire, method="GET")
        self.response.begin()
        self.comments = 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.wire.socket.close()

    def next(self):
        """The next event, as the HTML standard has clients read it; None at the stream's end."""
        fields = {}
        while line := self.response.readline():
            if line == b"\n" and fields:
                return Event(int(fields["id"]) if "id" in fields else None, fields["event"], json.loads(fields["data"]))
            name, _, value = line.decode().rstrip("\n").partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            elif line != b"\n":
                self.comments += 1
        return None

    def until(self, number):
        """All events up to the sample of this number."""
        found = []
        while not found or found[-1].id != number:
            found.append(self.next())
            assert found[-1] is not None, found[-5:]
        return found
