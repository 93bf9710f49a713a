"""app.stats() says what the clients saw: requests and answers by class, refusals, time-outs, resets, and every byte."""

import json
import re
import time

from programs import HOLD, INTERIM, RELEASE, WAIT, app_with, held, release, wait_until_alone

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
    """What the clients have seen since the server's figures were `before`, which were an answer themselves."""

    def __init__(self, server):
        self.server = server
        self.sent = self.received = self.requests = 0
        self.statuses = []
        wait_until_alone(server)
        self.before = self.state()
        self.sent = self.requests = 0
        assert set(self.before) == KEYS

    def exchange(self, data):
        """Send, read to the end, and count. Returns the answers' statuses."""
        answer = self.server.exchange(data)
        found = [int(status) for status in STATUS.findall(answer)]
        self.count(data, answer, found)
        return found

    def count(self, sent, received, statuses):
        self.sent += len(sent)
        self.received += len(received)
        self.statuses += statuses

    def state(self):
        """app.stats() as it is within this very request, whose answer is not in it yet."""
        answer = self.server.exchange(STATE)
        self.sent += len(STATE)
        self.requests += 1
        self.without_last = self.received, list(self.statuses)
        self.count(b"", answer, [200])
        return json.loads(answer.partition(b"\r\n\r\n")[2])["stats"]

    def check(self, **others):
        """Hold the figures against what was seen, once the server has noticed that the clients are gone."""
        deadline = time.monotonic() + self.server.patience
        while True:
            after = self.state()
            grown = {name: after[name] - self.before[name] for name in KEYS}
            if after["open"] == 1 and all(grown[name] >= value for name, value in others.items()):
                break
            assert time.monotonic() < deadline, (after, others)
            time.sleep(0.2)
        received, statuses = self.without_last
        assert {name: grown[name] for name in others} == others
        assert grown["requests"] == self.requests
        for hundred in (2, 3, 4, 5):
            assert grown[f"status_{hundred}xx"] == sum(status // 100 == hundred for status in statuses), hundred
        assert (grown["bytes_in"], grown["bytes_out"]) == (self.sent, received)
        assert (after["idle"], after["queued"], grown["head_buffers_free"]) == (0, 0, 0)


def test_requests_answers_and_bytes(program):
    seen = Seen(program(PROGRAM))
    for data, statuses in MIX + MALFORMED:
        assert seen.exchange(data) == statuses, data
    seen.requests += sum(len(statuses) for _, statuses in MIX)
    seen.check(refused=0, timed_out=0, resets=0)


def test_interim_answers_are_bytes_but_no_answers(program):
    seen = Seen(program(PROGRAM))
    head = get(b"/echo", b"POST") + b"Content-Length: 4\r\nExpect: 100-continue\r\n" + CLOSE
    with seen.server.wire() as wire:
        wire.send(head)
        assert wire.makefile("rb").read(len(INTERIM)) == INTERIM
        wire.send(b"body")
        final = wire.rest()
    assert final.endswith(b"\r\n\r\nbody")
    seen.count(head + b"body", INTERIM + final, [200])
    seen.requests += 1
    seen.check(refused=0, timed_out=0, resets=0)


def test_refusals(program):
    """Connections for which there is no room: their answers count, and they have sent nothing that could."""
    seen = Seen(program(PROGRAM))
    with held(seen.server) as (first, second):
        for _ in range(3):
            assert seen.exchange(b"") == [503]
        release(first)
        seen.count(HOLD + RELEASE, INTERIM + first.rest(), [200])
        seen.count(WAIT, second.rest(), [200])
    seen.requests += 2
    seen.check(refused=3, timed_out=0, resets=0)


def test_time_outs_and_resets(program):
    seen = Seen(program(PROGRAM))
    for beginning in (b"GET /str HT", get(b"/str")):
        assert seen.exchange(beginning) == [408]
    for beginning in (b"GE", get(b"/echo", b"POST") + b"Content-Length: 9\r\n\r\nbo"):
        with seen.server.wire() as wire:
            wire.send(beginning)
            time.sleep(1 if seen.server.target == "rp2040" else 0.3)  # a RST may overtake what was sent before it
            wire.vanish()
        seen.count(beginning, b"", [])
    seen.requests += 1
    seen.check(refused=0, timed_out=2, resets=2)
