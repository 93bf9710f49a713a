"""What clients of the programs do in more than one of their tests."""

import time


def get(program, path, fields="", method="GET"):
    """A request on a connection of its own. Returns the answer."""
    with program.wire() as wire:
        wire.get(path, fields, method=method)
        return wire.answer(method)


def post(program, path, *pieces, fields="", pause=0.05):
    """The same with a body, which comes in pieces, each after a pause."""
    with program.wire() as wire:
        wire.get(path, f"Content-Length: {sum(map(len, pieces))}\r\n{fields}", method="POST")
        send(wire, *pieces, pause=pause)
        return wire.answer()


def send(wire, *pieces, pause=0.05):
    for piece in pieces:
        time.sleep(pause)
        wire.send(piece)


def lasts(program, *paths):
    """Whether a connection is kept for all of these requests, and ended with the last one's answer."""
    with program.wire() as wire:
        for path in paths:
            wire.get(path)
            assert wire.answer().status in (200, 404)
        return wire.is_over()


def end_early(program):
    """Connections that the client ends before there is a request."""
    for data in (b"", b"\r\n", b"GET"):
        with program.wire() as wire:
            wire.send(data)
            wire.end()
            wire.is_over()
    with program.wire() as wire:
        wire.vanish()


def vanish(program, *requests):
    """Clients that send these and do not wait for an answer: one closes, another resets the connection."""
    for data in requests:
        with program.wire() as wire:
            wire.send(data)
        wire = program.wire()
        wire.send(data)
        wire.vanish()


def is_memory_lost(rounds, slack=400):
    """Whether rounds(), requests that end with the bytes that are free then, leaves less each time."""
    def loss():
        before = rounds()
        for _ in range(4):
            after = rounds()
        return before - after

    # Clients of earlier tests may still be leaving; a leak shows each time.
    return all(loss() >= slack for _ in range(4))
