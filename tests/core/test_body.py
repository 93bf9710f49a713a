"""Request bodies: chunked ones by cases and round trips, those with a length, and the bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .cases import read_cases

CASES = read_cases("body.txt")


def body_of(core, *, chunked=False, length=0):
    head = core.ffi.new("mh_head_t *")
    head.flags = (core.lib.MH_HEAD_CHUNKED if chunked else 0) | (core.lib.MH_HEAD_LENGTH if length else 0)
    head.length = length
    body = core.ffi.new("mh_body_t *")
    core.lib.mh_body_init(body, head)
    return body


def feed(core, body, data):
    """Everything that the body takes of `data`: (its own bytes, what is left over), or 400."""
    out, pointer, length = b"", core.ffi.new("const uint8_t **"), core.ffi.new("size_t *")
    while data and not core.lib.mh_body_done(body):
        start = core.input.put(data)
        taken = core.lib.mh_body_next(body, start, len(data), pointer, length)
        if taken < 0:
            assert taken == -400
            assert core.lib.mh_body_next(body, start, len(data), pointer, length) == -400
            return 400
        assert 0 < taken <= len(data)
        assert length[0] == 0 or start <= pointer[0] <= pointer[0] + length[0] <= start + taken
        out += core.bytes(pointer[0], length[0])
        data = data[taken:]
    return out, data


def read(core, body, pieces):
    """What comes of a body in pieces: its bytes, whether it is done, and what is left over; or 400."""
    out, rest = b"", b""
    for piece in pieces:
        result = feed(core, body, piece) if not rest else (b"", piece)
        if result == 400:
            return 400
        out += result[0]
        rest += result[1]
    return out, bool(core.lib.mh_body_done(body)), rest


def split(data, places):
    bounds = [0, *places, len(data)]
    return [data[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]


@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_chunked(core, data, expected):
    result = read(core, body_of(core, chunked=True), [data])
    if expected == "400":
        assert result == 400
    elif expected == "more":
        assert result[1:] == (False, b"")
    else:
        text, _, rest = expected.partition(" rest=")
        assert result[:2] == (text.encode().decode("unicode_escape").encode("latin-1"), True)
        assert len(result[2]) == int(rest or 0)
    assert read(core, body_of(core, chunked=True), split(data, range(1, len(data)))) == result
    for place in range(len(data)):
        assert read(core, body_of(core, chunked=True), split(data, [place])) == result


def test_fresh_is_done(core):
    assert core.lib.mh_body_done(core.ffi.new("mh_body_t *"))
    assert core.lib.mh_body_done(body_of(core))
    assert read(core, body_of(core), [b"GET"]) == (b"", True, b"GET")


@pytest.mark.parametrize("length", [1, 2, 10, 4294967295])
def test_length(core, length):
    data = b"0123456789"
    expected = (data[:length], length <= 10, data[length:])
    assert read(core, body_of(core, length=length), [data]) == expected
    assert read(core, body_of(core, length=length), split(data, range(1, 10))) == expected


@pytest.mark.parametrize(
    "frame",
    [
        lambda n: b"1;" + b"x" * (n - 1) + b"\r\na\r\n0\r\n\r\n",
        lambda n: b"1;x\r\na\r\n" * (n // 2) + b"1" + b";" * (n % 2) + b"\r\na\r\n0\r\n\r\n",
        lambda n: b"0" * n + b"1\r\na\r\n0\r\n\r\n",
        lambda n: b"1 " + b" " * (n - 2) + b";\r\na\r\n0\r\n\r\n",
        lambda n: b"0\r\nX:" + b"x" * (n - 2) + b"\r\n\r\n",
        lambda n: b"0\r\n" + b"x" * (n - 1) + b":\r\n\r\n",
    ],
    ids=["extension", "extensions", "zeros", "spaces", "trailer value", "trailer name"],
)
def test_framing_is_bounded(core, frame):
    """At the bound and above it; the last chunk's own zero counts too."""
    bound = core.lib.MH_BODY_EXTRA_MAX - 1
    assert read(core, body_of(core, chunked=True), [frame(bound)])[1]
    assert read(core, body_of(core, chunked=True), [frame(bound + 1)]) == 400


def test_endless_framing_is_refused(core):
    for endless in (b"0" * 5000, b"1;" + b"x" * 5000, b"0\r\n" + b"A: b\r\n" * 1000):
        assert read(core, body_of(core, chunked=True), [endless]) == 400


CHUNKS = st.lists(st.binary(min_size=1, max_size=300), max_size=8)


@given(CHUNKS, st.sampled_from([b"", b";x=1"]), st.sampled_from([b"", b"A: 1\r\n"]), st.binary(max_size=5), st.data())
def test_round_trip(core, chunks, extension, trailer, after, data):
    framed = (
        b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"
    )
    places = data.draw(st.lists(st.integers(0, len(framed)), max_size=5).map(sorted))
    result = read(core, body_of(core, chunked=True), split(framed + after, places))
    assert result == (b"".join(chunks), True, after)


@given(st.binary(max_size=40) | st.text("0123fF;\r\n: aX", max_size=40).map(str.encode), st.data())
def test_any_split_gives_the_same(core, text, data):
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=5).map(sorted))
    whole = read(core, body_of(core, chunked=True), [text])
    assert read(core, body_of(core, chunked=True), split(text, places)) == whole
