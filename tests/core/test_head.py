"""The head parser: every case whole, byte by byte and at every split, at the edge of what is readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .cases import read_cases

LIMITS = (2048, 1024, 32)
FLAGS = ("keep-alive", "chunked", "length", "expect", "upgrade", "escaped", "host")
CASES = read_cases("head.txt")


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


def check(seen, data, expected):
    """Hold a description against "ok key=value … fields=name:value|name:value"."""
    words, _, fields = expected.partition(" fields=")
    for word in words.split()[1:]:
        key, _, value = word.partition("=")
        if key == "flags":
            assert seen["flags"] == {flag for flag in value.split(",") if flag}
        elif key == "count":
            assert len(seen["fields"]) == int(value)
        elif key == "rest":
            assert len(data) - seen["len"] == int(value)
        else:
            assert str(seen[key]) == value, key
    if fields:
        text = fields.encode("latin-1").decode("unicode_escape")
        assert seen["fields"] == [tuple(field.split(":", 1)) for field in text.split("|")]


@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_case(core, data, expected):
    result, seen = parse(core, data)
    if expected == "more":
        assert result == 0
    elif expected.startswith("ok"):
        assert result == 1
        check(seen, data, expected)
    else:
        assert (result, seen) == (-int(expected), None)
    assert parse(core, data, range(len(data))) == (result, seen)
    for split in range(len(data)):
        assert parse(core, data, [split]) == (result, seen), split


@pytest.mark.parametrize("place", range(10))
def test_every_byte_of_the_version(core, place):
    """Any other byte at any place: only a later minor version passes."""
    for byte in range(256):
        version = bytearray(b"HTTP/1.1\r\n")
        version[place] = byte
        data = b"GET / " + version + b"Host: a\r\n\r\n"
        result = parse(core, data)[0]
        assert parse(core, data, range(len(data)))[0] == result
        if byte == b"HTTP/1.1\r\n"[place] or (place == 7 and chr(byte).isdecimal()):
            assert result == 1
        else:
            assert result == (-505 if place == 5 and chr(byte).isdecimal() else -400)


def test_refusal_stays(core):
    """A parser that has refused goes on to, whatever it is given."""
    head = core.ffi.new("mh_head_t *")
    limits = core.ffi.new("mh_limits_t *", LIMITS)
    data = b"GET / HTTP/2.0\r\n\r\n"
    for _ in range(2):
        assert core.lib.mh_head_parse(head, limits, core.input.put(data), len(data)) == -505


# --- limits: below, at and above ---


def everywhere(core, data, limits):
    """One result of all ways to give the data."""
    results = {
        repr(parse(core, data, splits, limits)) for splits in ([], range(len(data)), [len(data) // 2], [len(data) - 1])
    }
    assert len(results) == 1
    return parse(core, data, [], limits)[0]


@pytest.mark.parametrize(("spare", "result"), [(1, 1), (0, 1), (-1, -431)])
def test_max_head(core, spare, result):
    data = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100 + b"\r\n\r\n"
    assert everywhere(core, data, (len(data) + spare, 1024, 32)) == result
    assert everywhere(core, data + b"more", (len(data) + spare, 1024, 32)) == result


def test_max_head_of_an_endless_head(core):
    data = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 4000
    assert everywhere(core, data, LIMITS) == -431
    assert everywhere(core, data[:2048], LIMITS) == -431
    assert everywhere(core, data[:2047], LIMITS) == 0


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


@pytest.mark.parametrize("target", [b"/" + b"a" * 39, b"/%41" + b"a" * 36, b"/" + b"a" * 36 + b"%41"])
@pytest.mark.parametrize(("spare", "result"), [(1, 1), (0, 1), (-1, -414), (-2, -414), (-3, -414)])
def test_max_target(core, target, spare, result):
    data = b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    assert everywhere(core, data, (2048, len(target) + spare, 32)) == result


def test_max_target_beyond_max_head(core):
    """A target that fills the head is too long as a target."""
    assert everywhere(core, b"GET /" + b"a" * 3000, (2048, 2100, 32)) == -414


@pytest.mark.parametrize(("spare", "result"), [(1, 1), (0, 1), (-1, -431)])
def test_max_fields(core, spare, result):
    data = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 9 + b"\r\n"
    assert everywhere(core, data, (2048, 1024, 10 + spare)) == result


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
    data = b"GET / HTTP/1.1\r\nHost: a\r\nETag: 1\r\netag: 2\r\nX_Y: 3\r\nX-Y: \r\n\r\n"
    assert find(core, data, b"host") == b"a"
    assert find(core, data, b"ETAG") == b"1"
    assert find(core, data, b"etag", 2) == b"2"
    assert find(core, data, b"etag", 3) is None
    assert find(core, data, b"x-y") == b""
    assert find(core, data, b"x_y") == b"3"
    assert find(core, data, b"x\x7fy") is None
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
    text = bytearray(case[1])
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
