"""Ranges (RFC 9110 section 14): of files that Python reads, and of memory-mapped ones, which C sends."""

import email
import email.utils

import pytest
from site_files import DATA, FILES
from test_files import curl

SIZE = len(DATA)


@pytest.fixture
def server(site_program):
    return site_program


def parts_of(answer):
    """[(Content-Range, bytes)] of a multipart/byteranges, as another's parser has it."""
    text = b"Content-Type: " + answer.headers["Content-Type"].encode() + b"\r\n\r\n" + answer.body
    message = email.message_from_bytes(text)
    assert message.is_multipart()
    assert not message.defects
    parts = message.get_payload()
    assert all(part.get_content_type() == "application/octet-stream" for part in parts)
    # decoded as 8bit, without what parses as a line's end
    return [part["Content-Range"] for part in parts]


@pytest.mark.parametrize("path", ["/www/data.bin", "/fat/data.bin", "/rom/data.bin", "/save/itself"])
@pytest.mark.parametrize("asked, begin, end", [
    ("0-0", 0, 1), ("0-", 0, SIZE), ("100-299", 100, 300), (f"{SIZE - 1}-", SIZE - 1, SIZE), ("-1", SIZE - 1, SIZE),
    (f"-{SIZE}", 0, SIZE), ("-999999", 0, SIZE), ("5000-99999999999", 5000, SIZE), ("1-3000", 1, 3001),
    ("10-19,20-29", 10, 30), ("10-19,50-99", 10, 100), ("500-,0-600", 0, SIZE), ("5-9,99999-", 5, 10),
    ("0-,0-,0-,0-,0-,0-,0-,0-", 0, SIZE),
])
def test_one_range(server, path, asked, begin, end):
    with server.wire() as wire:
        for _ in range(2):
            wire.get(path, f"Range: bytes={asked}\r\n")
            answer = wire.answer()
            assert (answer.status, answer.body) == (206, DATA[begin:end])
            assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{SIZE}"
            assert answer.headers["Content-Length"] == str(end - begin)
            assert answer.headers["Content-Type"] == "application/octet-stream"
            assert answer.headers["ETag"]


@pytest.mark.parametrize("path", ["/www/data.bin", "/fat/data.bin", "/rom/data.bin"])
@pytest.mark.parametrize("asked", [
    "bytes=5-4", "bytes=", "bytes=a-b", "bytes=1-2x", "lines=1-2", "bytes 1-2", "bytes=-", "", "bytes=1", "bytes=--1",
    "bytes=" + ",".join(["0-0"] * 9), "bytes=1-2\r\nRange: bytes=3-4",
])
def test_no_range(server, path, asked):
    """Malformed ones, unknown units, and too many are as if they were not there."""
    with server.wire() as wire:
        wire.get(path, f"Range: {asked}\r\n")
        answer = wire.answer()
        assert (answer.status, answer.body) == (200, DATA)
        assert answer.headers["Content-Range"] is None


@pytest.mark.parametrize("path", ["/www/data.bin", "/fat/data.bin", "/rom/data.bin"])
@pytest.mark.parametrize("asked", [f"{SIZE}-", "99999-100000", "-0", "30000-,40000-,-0", "99999999999-"])
def test_unsatisfiable(server, path, asked):
    with server.wire() as wire:
        wire.get(path, f"Range: bytes={asked}\r\n")
        answer = wire.answer()
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{SIZE}")
        assert DATA[:20] not in answer.body
        wire.get("/www/index.html")
        assert wire.answer().status == 200, "on the same connection"


@pytest.mark.parametrize("path", ["/www/empty.txt", "/rom/empty.txt"])
def test_of_nothing(server, path):
    with server.client() as client:
        for asked in ("0-0", "0-", "-5"):
            answer = client.get(path, headers={"Range": f"bytes={asked}"})
            assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/www/data.bin", "/rom/data.bin"])
def test_head_has_no_ranges(server, path):
    with server.client() as client:
        answer = client.head(path, headers={"Range": "bytes=0-9"})
        assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(SIZE))


def split_parts(answer):
    """[(fields, bytes)], by the boundary alone."""
    boundary = answer.headers["Content-Type"].partition("boundary=")[2].encode()
    assert boundary not in DATA
    pieces = (b"\r\n" + answer.body.removeprefix(b"\r\n")).split(b"\r\n--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    return [piece.partition(b"\r\n\r\n")[::2] for piece in pieces[1:-1]]


@pytest.mark.parametrize("path", ["/www/data.bin", "/fat/data.bin"])
@pytest.mark.parametrize("asked, expected", [
    ("0-9,1000-1999", [(0, 10), (1000, 2000)]), ("9000-9099,-5,0-0", [(9000, 9100), (SIZE - 5, SIZE), (0, 1)]),
    ("0-3999,8000-11999,16000-", [(0, 4000), (8000, 12000), (16000, SIZE)]),
    ("1-2,500-501,1000-1001,1500-1501,2000-2001,2500-2501,3000-3001,3500-3501",
     [(n * 500 + (n == 0), n * 500 + 2 + (n == 0)) for n in range(8)]),
    ("0-0,99999-,5000-5001", [(0, 1), (5000, 5002)]), ("5000-5009,0-9,5005-5100", [(5000, 5101), (0, 10)]),
])
def test_several_ranges(server, path, asked, expected):
    with server.wire() as wire:
        for _ in range(2):
            wire.get(path, f"Range: bytes={asked}\r\n")
            answer = wire.answer()
            assert answer.status == 206
            assert answer.headers["Content-Range"] is None
            assert answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
            fields = [f"bytes {begin}-{end - 1}/{SIZE}" for begin, end in expected]
            assert parts_of(answer) == fields
            for (head, data), (begin, end), field in zip(split_parts(answer), expected, fields, strict=True):
                assert data == DATA[begin:end]
                lines = head.decode().strip().split("\r\n")
                assert lines == ["Content-Type: application/octet-stream", f"Content-Range: {field}"]


def test_several_ranges_of_memory_mapped_files_are_all_of_it(server):
    answer = server.client().get("/rom/data.bin", headers={"Range": "bytes=0-9,1000-1999"})
    assert (answer.status_code, answer.content) == (200, DATA)


def test_overlaps_gain_nothing(server):
    """However they overlap, no byte is sent twice."""
    for count in range(1, 9):
        asked = ",".join(f"{n}-" for n in range(count))
        with server.client() as client:
            answer = client.get("/www/data.bin", headers={"Range": f"bytes={asked}"})
            assert (answer.status_code, answer.content) == (206, DATA)


@pytest.mark.parametrize("path", ["/www/data.bin", "/fat/data.bin", "/rom/data.bin"])
def test_if_range(server, path):
    with server.client() as client:
        headers = client.get(path).headers
        tag, modified = headers["ETag"], headers.get("Last-Modified")
        tries = [(tag, 206), ('"x"', 200), (f"W/{tag}", 200), ("*", 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200)]
        if modified:
            moment = email.utils.parsedate_to_datetime(modified)
            tries += [(modified, 206), (moment.strftime("%A, %d-%b-%y %H:%M:%S GMT"), 206),
                      (email.utils.format_datetime(moment.replace(year=2028), usegmt=True), 200)]
        for value, status in tries:
            answer = client.get(path, headers={"Range": "bytes=100-199", "If-Range": value})
            assert (answer.status_code, answer.content) == (status, DATA[100:200] if status == 206 else DATA), value
        answer = client.get(path, headers={"Range": "bytes=100-199", "If-None-Match": tag})
        assert answer.status_code == 304, "conditions go before"
        answer = client.get(path, headers={"Range": "bytes=100-199", "If-Match": '"x"'})
        assert answer.status_code == 412


@pytest.mark.parametrize("prefix", ["/www", "/rom"])
def test_range_of_a_twin(server, prefix):
    """What is encoded is what the offsets are of."""
    with server.wire() as wire:
        wire.get(prefix + "/app.js", "Accept-Encoding: gzip\r\nRange: bytes=2-11\r\n")
        answer = wire.answer()
        assert (answer.status, answer.body) == (206, FILES["app.js.gz"][2:12])
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Range"] == f"bytes 2-11/{len(FILES['app.js.gz'])}"


@pytest.mark.parametrize("path", ["/www/data.bin", "/fat/data.bin", "/rom/data.bin"])
def test_curl_resumes(server, tmp_path, path):
    (tmp_path / "part").write_bytes(DATA[:7777])
    assert curl(server, tmp_path, path, "-C", "-", "-o", "part") == "206"
    assert (tmp_path / "part").read_bytes() == DATA


def test_curl_asks_for_several(server, tmp_path):
    assert curl(server, tmp_path, "/www/data.bin", "-r", "0-9,1000-1009", "-o", "parts") == "206"
    assert DATA[1000:1010] in (tmp_path / "parts").read_bytes()
