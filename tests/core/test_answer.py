"""Response heads: byte by byte, at every size of the buffer, and read back by h11."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

UNKNOWN = 0xFFFFFFFF


def compose(core, *, size=4096, kind=None, fields=None, date=None, common=None, **values):
    """(length that is needed, what is written)"""
    ffi = core.ffi
    keep = [ffi.NULL if text is None else ffi.from_buffer(text) for text in (kind, fields, date, common)]
    answer = ffi.new("mh_answer_t *")
    for name, value in ({"status": 200, "minor": 1, "keep_alive": True} | values).items():
        setattr(answer, name, value)
    answer.type, answer.type_len = keep[0], len(kind or b"")
    answer.fields, answer.fields_len = keep[1], len(fields or b"")
    answer.date = keep[2]
    answer.common, answer.common_len = keep[3], len(common or b"")
    room = core.output.room(size)
    needed = core.lib.mh_answer_head(answer, room, size)
    return needed, core.bytes(room, min(needed, size))


def test_everything(core):
    date = b"Sun, 06 Nov 1994 08:49:37 GMT"
    needed, text = compose(
        core, length=1234567890, kind=b"text/plain", fields=b"A: 1\r\nB: 2\r\n", date=date, keep_alive=False
    )
    assert needed == len(text)
    assert text == (
        b"HTTP/1.1 200 OK\r\n"
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b"Content-Type: text/plain\r\n"
        b"Content-Length: 1234567890\r\n"
        b"Connection: close\r\n"
        b"A: 1\r\nB: 2\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({}, b"Content-Length: 0\r\n"),
        ({"length": 10}, b"Content-Length: 10\r\n"),
        ({"length": 4294967294}, b"Content-Length: 4294967294\r\n"),
        ({"length": UNKNOWN}, b"Transfer-Encoding: chunked\r\n"),
        ({"keep_alive": False}, b"Content-Length: 0\r\nConnection: close\r\n"),
        ({"minor": 0}, b"Content-Length: 0\r\nConnection: keep-alive\r\n"),
        ({"minor": 0, "keep_alive": False}, b"Content-Length: 0\r\nConnection: close\r\n"),
        # HTTP/1.0 has no chunks: the body ends with the connection, whatever was asked for
        ({"minor": 0, "length": UNKNOWN}, b"Connection: close\r\n"),
    ],
)
def test_framing(core, options, lines):
    assert compose(core, **options)[1] == b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n"


@pytest.mark.parametrize(
    ("common", "fields", "said"),
    [
        (b"A: 1\r\n", None, b"A: 1\r\n"),
        (b"A: 1\r\nBc: 2\r\n", b"X: 3\r\n", b"A: 1\r\nBc: 2\r\n"),
        (b"A: 1\r\nBc: 2\r\n", b"bC: 3\r\n", b"A: 1\r\n"),
        (b"A: 1\r\nBc: 2\r\n", b"X: 3\r\na: Bc\r\n", b"Bc: 2\r\n"),
        (b"Bc: 2\r\n", b"B: 3\r\nBcd: 4\r\nAbc: 5\r\n", b"Bc: 2\r\n"),
        (b"[: 2\r\n", b"{: 3\r\n", b"[: 2\r\n"),
        (b"VARY: a\r\nvarx: b\r\n", b"Vary: c\r\nVarx: d\r\n", b"VARY: a\r\n"),
    ],
)
def test_common(core, common, fields, said):
    """What every answer says goes before the length, but for what this one says itself; a list is not its own."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: t\r\n" + said + b"Content-Length: 5\r\n" + (fields or b"") + b"\r\n"
    values = {"kind": b"t", "length": 5, "common": common, "fields": fields}
    assert compose(core, **values) == (len(head), head)
    for size in range(len(head)):
        assert compose(core, size=size, **values)[0] == len(head)


@pytest.mark.parametrize("status", [100, 101, 204, 304])
@pytest.mark.parametrize("length", [0, 5, UNKNOWN])
def test_no_body(core, status, length):
    start = f"HTTP/1.1 {status} {core.ffi.string(core.lib.mh_reason(status)).decode()}\r\n".encode()
    assert compose(core, status=status, length=length)[1] == start + b"\r\n"
    # An interim answer is silent about the connection.
    close = b"" if status < 200 else b"Connection: close\r\n"
    assert compose(core, status=status, length=length, keep_alive=False)[1] == start + close + b"\r\n"


def test_close_is_said_once(core):
    lines = b"Connection: close\r\n"
    head = compose(core, fields=lines, fields_close=True, keep_alive=False)[1]
    assert head.count(b"Connection") == 1
    # HTTP/1.0 has no chunks, so that this ends with a close too.
    head = compose(core, fields=lines, fields_close=True, minor=0, length=UNKNOWN)[1]
    assert head.count(b"Connection") == 1


@pytest.mark.parametrize("length", [0, 5, UNKNOWN])
def test_reset_content_says_that_it_is_empty(core, length):
    """RFC 9110 section 15.3.6: no content; and RFC 9112 section 6.3 knows no 205, so that a length must be there."""
    for minor in (0, 1):
        assert b"\r\nContent-Length: 0\r\n" in compose(core, status=205, length=length, minor=minor)[1]


@pytest.mark.parametrize(
    ("lines", "result"),
    [
        (b"", 0),
        (b"A: b\r\nC:\r\n", 0),
        (b"A:\tb \xe9\r\n", 0),
        (b"Connection: upgrade, keep-alive\r\n", 0),
        (b"Connection: closed\r\nX: close\r\nX-Connection: close\r\n", 0),
        (b"Connection: close\r\n", 1),
        (b"A: b\r\nCONNECTION:x,\tClose,y\r\nC: d\r\n", 1),
        (b"A: b", -1),
        (b"A: b\n", -1),
        (b"A: b\r", -1),
        (b"A: b\r\n\r\n", -1),
        (b"A: b\r\n\r\nHTTP/1.1 200 OK\r\n", -1),
        (b"A: b\r\n c\r\n", -1),
        (b"A : b\r\n", -1),
        (b": b\r\n", -1),
        (b"A\r\n", -1),
        (b"A: \x00\r\n", -1),
        (b"A: b\rc\r\n", -1),
        (b"Content-Length: 5\r\n", -2),
        (b"A: b\r\ntransfer-encoding: chunked\r\n", -2),
        (b"Content-Lengths: 5\r\nX-Transfer-Encoding: x\r\n", 0),
        (b"Content-Lengtx: 5\r\nXransfer-Encoding: x\r\nConnectiox: close\r\n", 0),
        (b"A: b\r\nA", -1),
        (b"A: b\r\nA:", -1),
    ],
)
def test_field_lines(core, lines, result):
    assert core.lib.mh_fields_check(core.ffi.cast("char *", core.input.put(lines)), len(lines)) == result


def test_has_body(core):
    has_body = core.lib.mh_answer_has_body
    assert [status for status in range(100, 1000) if not has_body(status, False)] == [*range(100, 200), 204, 205, 304]
    assert not any(has_body(status, True) for status in range(100, 1000))


def test_unknown_status(core):
    assert compose(core, status=299)[1].startswith(b"HTTP/1.1 299 \r\n")


def test_reasons(core):
    """Those of the standard library, where RFC 9110 has not renamed them."""
    renamed = {
        413: "Content Too Large",
        414: "URI Too Long",
        416: "Range Not Satisfiable",
        418: "I'm a teapot",
        422: "Unprocessable Content",
    }
    known = {status: core.ffi.string(core.lib.mh_reason(status)).decode() for status in range(1000)}
    expected = {status.value: renamed.get(status.value, status.phrase) for status in HTTPStatus}
    seen = {status: reason for status, reason in known.items() if reason}
    assert seen == {status: expected[status] for status in seen}
    # Statuses of WebDAV and of experiments aside, all of them.
    assert set(expected) - set(seen) == {102, 103, 207, 208, 226, 423, 424, 425, 451, 506, 507, 508, 510}


@pytest.mark.parametrize(
    "options",
    [
        {"length": 5},
        {"length": 12345, "date": b"Sun, 06 Nov 1994 08:49:37 GMT", "minor": 0},
        {"length": 77, "fields": b"A: b\r\n", "keep_alive": False},
        {"status": 404, "length": 77, "keep_alive": False},
        {"status": 599, "length": 0xFFFFFFFF},
    ],
)
def test_every_size(core, options):
    whole = compose(core, kind=b"text/html", **options)
    for size in range(whole[0] + 2):
        needed, text = compose(core, size=size, kind=b"text/html", **options)
        assert needed == whole[0]
        assert size < needed or text == whole[1]


@given(
    st.integers(200, 999),
    st.sampled_from([0, 1]),
    st.booleans(),
    st.integers(0, UNKNOWN),
    st.lists(
        st.tuples(st.sampled_from(["ETag", "X-A", "Vary"]), st.text("abc 1;=", max_size=20).map(str.strip)), max_size=5
    ),
)
def test_h11_reads_the_same(core, status, minor, keep_alive, length, fields):
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    options = {"status": status, "minor": minor, "keep_alive": keep_alive, "length": length}
    needed, text = compose(core, kind=b"text/css", fields=lines, **options)
    assert needed == len(text)
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(text)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    assert (response.status_code, response.http_version) == (status, b"1.1")
    seen = response.headers.raw_items()
    expected = [(b"Content-Type", b"text/css")]
    if status == 205:
        expected.append((b"Content-Length", b"0"))
    elif status not in (204, 304):
        if length != UNKNOWN:
            expected.append((b"Content-Length", b"%d" % length))
        elif minor:
            expected.append((b"Transfer-Encoding", b"chunked"))
        else:
            keep_alive = False
    if not keep_alive:
        expected.append((b"Connection", b"close"))
    elif minor == 0:
        expected.append((b"Connection", b"keep-alive"))
    assert seen == expected + [(name.encode(), value.encode()) for name, value in fields]


@pytest.mark.parametrize("length", [1, 9, 10, 15, 16, 255, 256, 4096, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_chunk_head(core, length):
    room = core.output.room(core.lib.MH_CHUNK_HEAD_MAX)
    written = core.lib.mh_chunk_head(length, room)
    assert core.bytes(room, written) == b"%x\r\n" % length


def date(core, seconds):
    room = core.output.room(core.lib.MH_DATE_LEN)
    core.lib.mh_date(seconds, room)
    return core.text(room, core.lib.MH_DATE_LEN)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def reference_date(seconds):
    return format_datetime(EPOCH + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784111777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951782400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (2**64 - 1, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_date(core, seconds, text):
    assert date(core, seconds) == text


def test_every_day_of_four_centuries(core):
    for day in range(0, 146097 + 366):
        seconds = day * 86400 + day % 86400
        assert date(core, seconds) == reference_date(seconds)


@given(st.integers(0, 253402300799))
def test_any_date(core, seconds):
    assert date(core, seconds) == reference_date(seconds)


TOKEN = set(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_field_checks(core):
    def name_ok(text):
        return bool(core.lib.mh_field_name_ok(core.input.put(text), len(text)))

    def value_ok(text):
        return bool(core.lib.mh_field_value_ok(core.input.put(text), len(text)))

    assert not name_ok(b"")
    assert value_ok(b"")
    for c in range(256):
        for around in (b"%c", b"aaaaa%c", b"%caaaaa"):
            text = around.replace(b"%c", bytes([c]))
            assert name_ok(text) == (c in TOKEN), text
            assert value_ok(text) == (c == 9 or 0x20 <= c != 0x7F), text
