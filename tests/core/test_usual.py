"""Heads as they usually are: what core/head.c does with them in one go against what it does byte by byte.

The end of a head is what sends the parser the quick way. Held back until all else has been parsed, it makes the slow
way of the same head, which test_cases.py holds against the corpus.
"""

import itertools

import pytest

LIMITS = (2048, 1024, 32)
CURL = b"GET /hello/world HTTP/1.1\r\nHost: 192.168.7.2\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
# Lines of each kind: plain, that matter, that only begin like those, short and long.
MIXED = (
    b"GET /a?b=c HTTP/1.1\r\nX-Y: 1\r\nHost: pico.local:8080\r\nConnection: keep-alive\r\nE:\r\nA: \t b \r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)\r\nCookie: a=caf\xc3\xa9\r\nContent-Length: 7\r\n\r\n"
)
POST = b"POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
HEADS = {"curl": CURL, "mixed": MIXED, "post": POST}


class Parser:
    """mh_head_parse() with as little around it as can be: these tests call it a million times."""

    def __init__(self, core, limits=LIMITS):
        self.core = core
        self.parse = core.lib.mh_head_parse
        self.limits = core.ffi.new("mh_limits_t *", limits)
        self.head = core.ffi.new("mh_head_t *")
        self.public = core.ffi.buffer(self.head, core.ffi.offsetof("mh_head_t", "pos"))
        self.all = core.ffi.buffer(self.head)
        self.fresh = bytes(len(self.all))

    def outcome(self, data, *splits):
        """The result and what the head then says, for data given up to each split and then whole."""
        self.all[:] = self.fresh
        result = 0
        for end in (*splits, len(data)):
            result = self.parse(self.head, self.limits, self.core.input.put(data[:end]), end)
            if result != 0:
                break
        return result, bytes(self.public) if result == 1 else None

    def held_back(self, data, head_len):
        """The outcome of a head whose last byte comes by itself."""
        return self.outcome(data, head_len - 1)


@pytest.fixture
def parser(core):
    return Parser(core)


@pytest.mark.parametrize("name", HEADS)
def test_every_byte_at_every_place(parser, name):
    """Where a byte is another one, the head is refused or taken all the same, and with the same effect."""
    head = HEADS[name]
    accepted = 0
    for place in range(len(head)):
        data = bytearray(head)
        for byte in range(256):
            data[place] = byte
            text = bytes(data)
            whole = parser.outcome(text)
            assert whole == parser.held_back(text, len(text)), text
            assert whole == parser.outcome(text, place + 1), text
            accepted += whole[0] == 1
    assert len(head) < accepted < 256 * len(head)


@pytest.mark.parametrize("name", HEADS)
def test_every_beginning_is_incomplete(parser, name):
    """It ends at an unreadable page, so a loop that has not stopped in time crashes."""
    head = HEADS[name]
    assert parser.outcome(head)[0] == 1
    for end in range(len(head)):
        assert parser.outcome(head[:end]) == (0, None)


LENGTHS = {
    "name": lambda n: b"GET / HTTP/1.1\r\nHost: a\r\n" + b"N" * n + b": v\r\n\r\n",
    "name that may matter": lambda n: b"GET / HTTP/1.1\r\nHost: a\r\nC" + b"o" * n + b": v\r\n\r\n",
    "value": lambda n: b"GET / HTTP/1.1\r\nHost: a\r\nA:" + b"v" * n + b"\r\n\r\n",
    "value that may matter": lambda n: b"GET / HTTP/1.1\r\nHost: a\r\nCookie:" + b"v" * n + b"\r\n\r\n",
    "value of a key": lambda n: b"GET / HTTP/1.1\r\nHost: a\r\nConnection: " + b"v" * n + b"\r\n\r\n",
    "method": lambda n: b"M" * n + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
    "target": lambda n: b"GET /" + b"t" * n + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "host": lambda n: b"GET / HTTP/1.1\r\nHost: " + b"h" * n + b"\r\n\r\n",
    "port": lambda n: b"GET / HTTP/1.1\r\nHost: h:" + b"8" * n + b"\r\n\r\n",
    "host that is not the first": lambda n: b"GET / HTTP/1.1\r\nA: b\r\nHost: " + b"h" * n + b"\r\n\r\n",
    "fields": lambda n: b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * n + b"\r\n",
}


@pytest.mark.parametrize("part", LENGTHS)
def test_every_length_of_a_part(parser, part):
    """And what has been given before an unusual byte in it, at each place."""
    for length in range(36):
        head = LENGTHS[part](length)
        whole = parser.outcome(head)
        valid = length <= 31 if part == "fields" else length > 0 or part not in ("name", "method")
        assert (whole[0] == 1) == valid, head
        assert whole == parser.held_back(head, len(head)), head
        for place in range(len(head) - 4):
            for byte in b"\x00\t\r\n \x7f\x80\xff%:":
                text = head[:place] + bytes([byte]) + head[place + 1 :]
                assert parser.outcome(text) == parser.held_back(text, len(text)), text


@pytest.mark.parametrize("fill", [b"x", b"\r", b"\n", b"\r\n", b"\rx", b"\n\r", b"\r\r"])
@pytest.mark.parametrize("name", HEADS)
def test_what_follows_a_head(parser, name, fill):
    """A body that came along is searched for the head's end only so far, and is not taken for one."""
    head = HEADS[name]
    expected = parser.outcome(head)
    for length in range(80):
        body = (fill * length)[:length]
        assert parser.outcome(head + body) == expected
        assert parser.outcome(head + body, len(head) - 1) == expected
        for end in (0, 1, 20, 40, len(head) - 3):
            text = head[:end] + body
            assert parser.outcome(text) == parser.outcome(text, *range(len(text))), text


def test_what_looks_like_an_end(parser):
    """CRs that a head begins with, or that are in it, and then nothing where a loop would stop."""
    for before, lines, tail in itertools.product(
        (b"", b"\r\n", b"\r\n\r\n", b"\r\r\r", b"\r\n\r"),
        (b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nConn"),
        (b"", b"A", b"GET", b"A: b", b"\rA\rA", b"\r\rA", b"\r:\rA", b"\n\r\rA", b"A:\r\r\r\r", b"A:\rb\rc"),
    ):
        data = before + lines + tail
        assert parser.outcome(data) == parser.outcome(data, *range(len(data))), data


@pytest.mark.parametrize(("limit", "result"), [(11, 1), (10, 1), (9, -431), (1, -431), (0, -431)])
def test_too_many_fields_before_a_bad_one(core, limit, result):
    """What comes first is what the answer says."""
    parser = Parser(core, (2048, 1024, limit))
    for first in (b"Host: a\r\n", b"A: b\r\nHost: a\r\n", b"Content-Length: 1\r\nHost: a\r\n"):
        rest = 10 - first.count(b"\n")
        head = b"GET / HTTP/1.1\r\n" + first + b"A: b\r\n" * rest
        assert parser.outcome(head + b"\r\n")[0] == result
        for bad in (b"A b\r\n\r\n", b"Content-Length: x\r\n\r\n", b"Host: b\r\n\r\n", b":\r\n\r\n"):
            assert parser.outcome(head + bad)[0] == (-431 if limit < 11 else -400)
            assert parser.held_back(head + bad, len(head + bad))[0] == (-431 if limit < 11 else -400)
