"""The head parser beyond its corpus (test_cases.py): the largest limits, finding fields, and properties."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .cases import all_cases

LIMITS = (2048, 1024, 32)
FLAGS = ("keep-alive", "chunked", "length", "expect", "upgrade", "escaped", "host")
CASES = [
    variant.data
    for case in all_cases()
    if case.kind == "head"
    for variant in itertools.islice(case.variants(), 3)
]


def parse(core, data, splits=(), limits=LIMITS):
    """The result of the last call and what the head then says; calls end at the splits and at the end of the data."""
    head = core.ffi.new("mh_head_t *")
    bounds = core.ffi.new("mh_limits_t *", limits)
    for end in (*splits, len(data)):
        result = core.lib.mh_head_parse(head, bounds, core.input.put(data[:end]), end)
        if result != 0:
            break
    if result != 1:
        return result, None
    # The same again: a parser that is done says so.
    assert core.lib.mh_head_parse(head, bounds, core.input.put(data), len(data)) == 1
    return result, describe(core, head, data[: head.len])


def describe(core, head, data):
    at, field, fields = core.ffi.new("uint16_t *", head.fields), core.ffi.new("mh_field_t *"), []
    start = core.input.put(data)
    while core.lib.mh_field_next(start, at, field):
        fields.append((core.text(field.name, field.name_len), core.text(field.value, field.value_len)))
    return {
        "method": data[head.method.at :][: head.method.len].decode("latin-1"),
        "id": head.method_id,
        "target": data[head.target.at :][: head.target.len].decode("latin-1"),
        "minor": head.minor,
        "flags": {name for bit, name in enumerate(FLAGS) if head.flags >> bit & 1}
        | ({"?"} if head.flags >> 7 else set()),
        "length": head.length,
        "len": head.len,
        "fields": fields,
    }


def test_refusal_stays(core):
    """A parser that has refused goes on to, whatever it is given."""
    head = core.ffi.new("mh_head_t *")
    limits = core.ffi.new("mh_limits_t *", LIMITS)
    data = b"GET / HTTP/2.0\r\n\r\n"
    for _ in range(2):
        assert core.lib.mh_head_parse(head, limits, core.input.put(data), len(data)) == -505


def test_largest_limits(core):
    limits = (65535, 65535, 65535)
    data = b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: a\r\n"
    data += b"X:1\r\n" * ((65535 - 10 - len(data)) // 5)
    data += b"Y:" + b"y" * (65535 - len(data) - 6) + b"\r\n"
    result, seen = parse(core, data + b"\r\n", [100, 30000], limits)
    assert (result, seen["len"]) == (1, 65535)
    assert parse(core, data + b"\r", [100, 30000], limits)[0] == 0
    assert parse(core, data + b"ZZ", [100, 30000], limits)[0] == -431
    assert parse(core, data + b"X:" + b"1" * 65535, [100, 30000], limits)[0] == -431


# --- fields ---


def find(core, data, name, nth=1):
    head_len = data.index(b"\r\n\r\n") + 4
    at = core.ffi.new("uint16_t *", data.index(b"\r\n") + 2)
    field = core.ffi.new("mh_field_t *")
    start = core.input.put(data[:head_len])
    for _ in range(nth):
        if not core.lib.mh_field_find(start, at, name, len(name), field):
            return None
    return core.bytes(field.value, field.value_len)


def test_field_find(core):
    data = b"GET / HTTP/1.1\r\nHost: a\r\nETag: 1\r\netag: 2\r\nX_Y: 3\r\nX-Y: \r\nX^Y: 4\r\nX`Y: 5\r\n\r\n"
    assert find(core, data, b"host") == b"a"
    assert find(core, data, b"ETAG") == b"1"
    assert find(core, data, b"etag", 2) == b"2"
    assert find(core, data, b"etag", 3) is None
    assert find(core, data, b"x-y") == b""
    assert find(core, data, b"x_y") == b"3"
    # Bytes other than letters that differ in the same bit
    assert find(core, data, b"x\x7fy") is None
    assert find(core, data, b"x~y") is None
    assert find(core, data, b"x@y") is None
    assert find(core, data, b"x\ry") is None
    assert find(core, data, b"x^y") == b"4"
    assert find(core, data, b"x`y") == b"5"
    assert find(core, data, b"hos") is None
    assert find(core, data, b"hosts") is None
    assert find(core, data, b"") is None


# --- properties ---


def pieces(data):
    """Up to four places at which to split the data."""
    return st.lists(st.integers(0, len(data)), max_size=4).map(sorted)


# What heads are made of, right and wrong.
FRAGMENTS = st.sampled_from(
    [
        b"GET",
        b"POST",
        b" ",
        b"/",
        b"/a?b",
        b"%41",
        b"%4",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n",
        b"HTTP/2.0",
        b"\r\n",
        b"\r",
        b"\n",
    ]
    + [
        b"Host: a\r\n",
        b"Host",
        b":",
        b"Content-Length: ",
        b"12",
        b"Transfer-Encoding: ",
        b"chunked",
        b", ",
        b"gzip",
        b"\t",
    ]
    + [
        b"Connection: ",
        b"close",
        b"keep-alive",
        b"Expect: ",
        b"100-continue",
        b"X: ",
        b"x" * 40,
        b"\x00",
        b"\x7f",
        b"\xff",
    ]
)
MALFORMED = st.lists(st.one_of(FRAGMENTS, st.binary(max_size=4)), max_size=20).map(b"".join)
LINES = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 5",
            b"Content-Length: 6",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: gzip",
            b"Connection: close",
        ]
        + [
            b"Connection: keep-alive",
            b"Expect: 100-continue",
            b"Expect: 1",
            b"Host: b",
            b"Cookie: " + b"c" * 70,
            b"A:\tb ",
            b"B:",
        ]
    ),
    max_size=5,
)
LIKELY = st.builds(
    lambda method, version, lines: (
        method + b" /a HTTP/1." + version + b"\r\nHost: a\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    ),
    st.sampled_from([b"GET", b"POST", b"X"]),
    st.sampled_from([b"0", b"1"]),
    LINES,
)


@given(st.data())
def test_any_split_gives_the_same(core, data):
    text = data.draw(st.one_of(MALFORMED, LIKELY, MALFORMED.map(lambda tail: b"GET / HTTP/1.1\r\nHost: a\r\n" + tail)))
    splits = data.draw(pieces(text))
    limits = data.draw(st.sampled_from([LIMITS, (64, 8, 3), (40, 40, 40)]))
    assert parse(core, text, splits, limits) == parse(core, text, (), limits)
    assert parse(core, text, range(len(text)), limits) == parse(core, text, (), limits)


@given(st.sampled_from(CASES), st.data())
def test_a_flipped_byte_never_crashes(core, case, data):
    text = bytearray(case)
    if text:
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    result, _ = parse(core, bytes(text))
    assert result in (0, 1, -400, -414, -417, -431, -501, -505)
    assert parse(core, bytes(text), data.draw(pieces(text)))[0] == result


NAMES = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=12).filter(
    lambda name: name.lower() not in ("host", "connection", "expect", "content-length", "transfer-encoding")
)
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f", exclude_categories=["Cc"]),
    max_size=40,
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=30), st.sampled_from(["", " ", "\t  "]))
def test_fields_come_back(core, fields, space):
    lines = "".join(f"{name}:{space}{value}{space}\r\n" for name, value in fields)
    data = f"GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode("latin-1")
    result, seen = parse(core, data, (), (65535, 1024, 32))
    assert result == 1
    assert seen["fields"] == [("Host", "a")] + [(name, value.strip(" \t")) for name, value in fields]


@pytest.mark.parametrize("lines, expected", [
    ("", (None, None, None)),
    ("Accept: */*\r\n", ("*/*", None, None)),
    ("aCCEPT:  \t text/csv , b \t \r\nAccept: x\r\n", ("text/csv , b", None, None)),
    ("Accept:\r\n", ("", None, None)),
    ("Accept:  \r\nAccept-Encoding:gzip\r\nIf-None-Match: \"a\", W/\"b\"\r\n", ("", "gzip", "\"a\", W/\"b\"")),
    ("accept-encoding: a\r\nACCEPT-ENCODING: b\r\nif-none-match: *\r\nIF-NONE-MATCH: c\r\n", (None, "a", "*")),
    ("A:\r\nI:\r\na: 1\r\ni: 1\r\nAccepT-Language: de\r\nAbcdef: 1\r\nA12345678901234: 2\r\nIf-Modified-Since: 3\r\n"
     "I123456789012: 4\r\nIf-Range: 5\r\nAcce: 1234567890123456\r\nIf: 1234567890123456\r\n", (None, None, None)),
    ("Referer: a\r\nRanges: b\r\nR:\r\n", (None, None, None)),
    ("RANGE: bytes=0-\r\n", (None, None, None)),
    ("if-match: *\r\n", (None, None, None)),
    ("if-match:1234:\r\n", (None, None, None)),
    ("if-match:1234:\r\nif-none-match: a\r\nrange: b\r\n", (None, None, "a")),
    ("if-none-match: a\r\nif-range: b\r\n", (None, None, "a")),
])
def test_choice(core, lines, expected):
    """Wherever the head lies in a word, and at the end of memory."""
    for pad in range(4):
        data = (f"GET /{'x' * pad} HTTP/1.1\r\nHost: a\r\n{lines}\r\n").encode()
        head = core.ffi.new("mh_head_t *")
        limits = core.ffi.new("mh_limits_t *", LIMITS)
        at = core.input.put(data)
        assert core.lib.mh_head_parse(head, limits, at, len(data)) == 1
        choice = core.ffi.new("mh_choice_t *")
        core.lib.mh_head_choice(head, at, choice)
        texts = (choice.accept, choice.accept_encoding, choice.if_none_match)
        found = tuple(core.ffi.string(text.at, text.len).decode() if text.at else None for text in texts)
        assert found == expected
        names = {line.partition(":")[0].lower() for line in lines.split("\r\n") if line}
        others = names & {"range", "if-match", "if-range", "if-modified-since", "if", "i"}
        assert choice.more == bool(others) or "if-none-match" in names
