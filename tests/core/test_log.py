"""Lines of the request log, as readers of the Common Log Format have them: no client can write one of its own."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

LINE_MAX = 80
CLF = re.compile(r'(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\x[0-9a-f]{2})*)" (\d{3}|-) (\d+|-)')


def line(core, text, status=200, size=5, seconds=971186136, host=b"192.168.7.1"):
    entry = core.ffi.new("mh_log_entry_t *", {"seconds": seconds, "bytes": size, "status": status})
    core.lib.mh_log_request(entry, core.input.put(text), len(text))
    assert entry.len <= LINE_MAX
    room = core.output.room(4 * LINE_MAX + 64 + len(host))
    out = core.ffi.cast("char *", room)
    length = core.lib.mh_log_format(entry, core.ffi.from_buffer("char[]", host), len(host), out)
    return core.text(out, length)


@pytest.mark.parametrize(("text", "expected"), [
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1"),
    (b"GET / HTTP/1.1\nHost", "GET / HTTP/1.1"),
    (b"", "-"),
    (b"\r\n", "-"),
    (b'GET /"\\\x00\x1b\x7f\xff~ ', "GET /\\x22\\x5c\\x00\\x1b\\x7f\\xff~ "),
    (b"a" * 80, "a" * 80),
    (b"a" * 80 + b"\r", "a" * 80),
    (b"a" * 81, "a" * 80 + "..."),
    (b"a" * 200, "a" * 80 + "..."),
])
def test_request(core, text, expected):
    assert line(core, text) == f'192.168.7.1 - - [10/Oct/2000:13:55:36 +0000] "{expected}" 200 5'


@pytest.mark.parametrize(("status", "size", "end"), [
    (404, 14, "404 14"),
    (304, 0, "304 -"),
    (0, 0, "- -"),
    (200, 2**32 - 1, "200 4294967295"),
])
def test_answer(core, status, size, end):
    assert line(core, b"GET /", status, size).endswith(f'"GET /" {end}')


@given(st.binary(max_size=120), st.integers(0, 253402300799))
def test_any_request_is_one_line(core, text, seconds):
    said = line(core, text, seconds=seconds, host=b"fe80::1")
    host, ident, user, date, request, status, size = CLF.fullmatch(said).groups()
    assert (host, ident, user, status, size) == ("fe80::1", "-", "-", "200", "5")
    assert date == datetime.fromtimestamp(seconds, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    kept = re.split(rb"[\r\n]", text)[0]
    plain = re.sub(r"\\x(..)", lambda match: chr(int(match[1], 16)), request).encode("latin-1")
    assert plain == (kept[:80] + b"..." * (len(kept) > 80) or b"-")
