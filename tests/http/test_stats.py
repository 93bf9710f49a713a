"""app.stats() says what the clients saw: requests and answers by class, refusals, time-outs, resets, and every byte."""

import json
import re
import time

from programs import app_with, wait_until_alone

PROGRAM = app_with("Server(max_connections=2, head_timeout=2)")

KEYS = set("open idle queued requests status_2xx status_3xx status_4xx status_5xx bytes_in bytes_out refused timed_out "
           "resets head_buffers_free uptime".split())

STATE = b"GET /state HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) [\w' -]*\r\n(?:[\w-]+: |\r\n)")
CLOSE = b"Connection: close\r\n\r\n"


def get(path, method=b"GET"):
    return method + b" " + path + b" HTTP/1.1\r\nHost: t\r\n"


# What is sent on a connection until its server ends it, and the statuses that come back, interim ones too.
MIX = [
    (get(b"/str") + CLOSE, [200]),
    (get(b"/str") + b"\r\n" + get(b"/nothing") + b"\r\n" + get(b"/int/304") + CLOSE, [200, 404, 304]),
    (get(b"/reference") + CLOSE, [200]),
    (get(b"/stream/20") + CLOSE, [200]),
    (get(b"/steps") + CLOSE, [202]),
    (b"GET /generator/9 HTTP/1.0\r\n\r\n", [200]),
    (get(b"/reference", b"HEAD") + CLOSE, [200]),
    (get(b"/str", b"OPTIONS") + CLOSE, [204]),
    (get(b"/str", b"DELETE") + CLOSE, [405]),
    (get(b"/str", b"BREW") + CLOSE, [501]),
    (get(b"/triple") + b"\r\n" + get(b"/raise") + CLOSE, [201, 500]),
    (get(b"/echo", b"POST") + b"Content-Length: 5000\r\n" + CLOSE + b"x" * 5000, [200]),
    (get(b"/echo", b"POST") + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"3;e\r\nabc\r\n0\r\nT: u\r\n\r\n", [200]),
    (get(b"/length", b"POST") + b"Content-Length: 30000\r\n" + CLOSE + b"x" * 30000, [200]),
    (get(b"/unread", b"POST") + b"Content-Length: 9\r\n\r\n123456789\r\n\r\n" + get(b"/str") + CLOSE, [200, 200]),
    (get(b"/echo", b"POST") + b"Content-Length: 99999\r\n" + CLOSE, [413]),
    (get(b"/..") + CLOSE, [400]),
]

# Refused before they are requests.
MALFORMED = [
    (b"rubbish\r\n\r\nand what follows it", [400]),
    (b"GET / HTTP/2.0\r\n\r\n", [505]),
    (get(b"/" + b"x" * 2000), [414]),
    (get(b"/echo", b"POST") + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", [400]),
]


class Seen:
    """What the clients saw."""

    def __init__(self):
        self.sent = self.received = 0
        self.statuses = []

    def exchange(self, server, data):
        answer = server.exchange(data)
        self.sent += len(data)
        self.received += len(answer)
        found = [int(status) for status in STATUS.findall(answer)]
        self.statuses += found
        return found

    def state(self, server):
        """app.stats() as it was within this very request."""
        answer = server.exchange(STATE)
        self.sent += len(STATE)
        self.received += len(answer)
        self.statuses.append(200)
        return json.loads(answer.partition(b"\r\n\r\n")[2])["stats"], len(answer)

    def of_class(self, hundred):
        return sum(status // 100 == hundred for status in self.statuses)


def grown(after, before):
    return {name: after[name] - before[name] for name in before}


def check(server, seen, before, before_length, **others):
    """Hold the figures against what was seen since `before`, whose own answer is in neither."""
    after, after_length = seen.state(server)
    seen.received += before_length - after_length
    figures = grown(after, before)
    for hundred in (2, 3, 4, 5):
        assert figures[f"status_{hundred}xx"] == seen.of_class(hundred), hundred
    assert (figures["bytes_in"], figures["bytes_out"]) == (seen.sent, seen.received)
    assert {name: figures[name] for name in others} == others
    assert (after["open"], after["idle"], after["queued"]) == (1, 0, 0)
    assert figures["head_buffers_free"] == 0


def begin(server):
    wait_until_alone(server)
    before, length = Seen().state(server)
    assert set(before) == KEYS
    return Seen(), before, length


def settle(server):
    """Let connections that the client has closed end."""
    time.sleep(0.3 if server.target != "rp2040" else 1)


def test_requests_answers_and_bytes(program):
    server = program(PROGRAM)
    seen, before, length = begin(server)
    for data, statuses in MIX + MALFORMED:
        assert seen.exchange(server, data) == statuses, data
    settle(server)
    requests = sum(len(statuses) for _, statuses in MIX) + 1
    check(server, seen, before, length, requests=requests, refused=0, timed_out=0, resets=0)


def test_interim_answers_are_bytes_but_no_answers(program):
    server = program(PROGRAM)
    seen, before, length = begin(server)
    head = get(b"/echo", b"POST") + b"Content-Length: 4\r\nExpect: 100-continue\r\n" + CLOSE
    with server.wire() as wire:
        wire.send(head)
        interim = wire.makefile("rb").read(25)
        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(b"body")
        final = wire.rest()
    assert final.endswith(b"\r\n\r\nbody")
    seen.sent += len(head) + 4
    seen.received += len(interim) + len(final)
    seen.statuses.append(200)
    settle(server)
    check(server, seen, before, length, requests=2, refused=0, timed_out=0, resets=0)


def test_refusals(program):
    """Connections for which there is no room: their answers count, what they sent is not looked at."""
    server = program(PROGRAM)
    seen, before, length = begin(server)
    slow = get(b"/sleep/1500") + CLOSE
    with server.wire() as first, server.wire() as second:
        for wire in (first, second):
            wire.send(slow)
        settle(server)
        for _ in range(3):
            assert seen.exchange(server, b"") == [503]
        seen.received += len(first.rest()) + len(second.rest())
    seen.sent += 2 * len(slow)
    seen.statuses += [200, 200]
    settle(server)
    check(server, seen, before, length, requests=3, refused=3, timed_out=0, resets=0)


def test_time_outs_and_resets(program):
    server = program(PROGRAM)
    seen, before, length = begin(server)
    for beginning in (b"GET /str HT", get(b"/str")):
        assert seen.exchange(server, beginning) == [408]
    for beginning in (b"GE", get(b"/echo", b"POST") + b"Content-Length: 9\r\n\r\nbo"):
        wire = server.wire()
        wire.send(beginning)
        settle(server)
        wire.vanish()
        settle(server)
        seen.sent += len(beginning)
    check(server, seen, before, length, requests=2, refused=0, timed_out=2, resets=2)
