"""Request bodies beyond the corpus (test_cases.py): those with a length, round trips, and properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st


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


def test_more_than_an_int_counts(core):
    """The bytes of a body with a length are passed on without being looked at, up to what the result can say."""
    body = body_of(core, length=4294967295)
    pointer, length = core.ffi.new("const uint8_t **"), core.ffi.new("size_t *")
    start = core.input.put(b"")
    for expected in (2147483647, 2147483647, 1):
        assert core.lib.mh_body_next(body, start, 2**32 + 5, pointer, length) == expected
        assert (pointer[0], length[0]) == (start, expected)
    assert core.lib.mh_body_done(body)


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
