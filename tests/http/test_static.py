"""Files in memory-mapped flash, served by C."""

import gzip
import zlib

import pytest

PAGE = b"<h1>hello</h1>\n" * 40
SCRIPT = b"let a = 1;\n" * 3000
TWIN = gzip.compress(SCRIPT, mtime=0)
FILES = {
    "index.html": PAGE,
    "empty.txt": b"",
    "app.js": SCRIPT,
    "app.js.gz": TWIN,
    "only.json.gz": gzip.compress(b"{}", mtime=0),
    "css/site.css": b"h1 { color: teal }\n",
    "css/a b.bin": bytes(range(256)) * 70,
    "sub/index.html": b"sub\n",
}

APP = """
import modhttp
app = modhttp.Server()

@app.post("/www/app.js")
def post(request):
    return "posted"

app.static("/www", "/rom", max_age=60)
app.static("/", "/rom/sub")
app.start(port=80)
print("busy")
while True:
    app.poll(1000)
"""


@pytest.fixture
def server(start):
    return start(APP, romfs=FILES)


@pytest.mark.parametrize("path, name, kind", [
    ("/www/", "index.html", "text/html; charset=utf-8"),
    ("/www/index.html", "index.html", "text/html; charset=utf-8"),
    ("/www/empty.txt", "empty.txt", "text/plain; charset=utf-8"),
    ("/www/app.js", "app.js", "text/javascript; charset=utf-8"),
    ("/www/only.json.gz", "only.json.gz", "application/gzip"),
    ("/www/css/site.css", "css/site.css", "text/css; charset=utf-8"),
    ("/www/css/a%20b.bin", "css/a b.bin", "application/octet-stream"),
    ("/www/x/../css/a%20b.bin", "css/a b.bin", "application/octet-stream"),
    ("/www/sub/", "sub/index.html", "text/html; charset=utf-8"),
    ("/", "sub/index.html", "text/html; charset=utf-8"),
])
def test_files(server, path, name, kind):
    with server.wire() as wire:
        for method in ("GET", "HEAD", "GET"):
            wire.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            answer = wire.answer(method)
            assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
            assert answer.headers["Content-Length"] == str(len(FILES[name]))
            assert answer.headers["Cache-Control"].startswith("max-age=60" if path.startswith("/www") else "no-cache")
            assert answer.body == (FILES[name] if method == "GET" else b"")


@pytest.mark.parametrize("path, status", [
    ("/www/nothing", 404), ("/www", 404), ("/www/css", 404), ("/www/css/", 404), ("/www/app.js.gz", 404),
    ("/www/%2e%2e/%2e%2e/etc/passwd", 400), ("/../../etc/passwd", 400), ("/www/app.js%00", 400),
    ("//rom/index.html", 404),
])
def test_nothing_else(server, path, status):
    with server.wire() as wire:
        wire.get(path)
        assert wire.answer().status == status


def test_other_methods(server):
    with server.wire() as wire:
        wire.send(b"POST /www/app.js HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        assert wire.answer().body == b"posted"
        wire.send(b"POST /www/css/site.css HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        answer = wire.answer()
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("accepts, zipped", [
    ("gzip", True), ("gzip, deflate, br", True), ("x-gzip", True), ("*", True), ("deflate", False),
    ("gzip;q=0, *;q=0.5", False),
    ("identity", False), ("", False),
])
def test_twins(server, accepts, zipped):
    with server.wire() as wire:
        wire.get("/www/app.js", f"Accept-Encoding: {accepts}\r\n")
        answer = wire.answer()
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Content-Encoding"] == ("gzip" if zipped else None)
        assert answer.body == (TWIN if zipped else SCRIPT)
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_unmodified(server):
    with server.wire() as wire:
        tags = set()
        for accepts in ("Accept-Encoding: gzip\r\n", ""):
            wire.get("/www/app.js", accepts)
            tag = wire.answer().headers["ETag"]
            tags.add(tag)
            for given in (tag, f"W/{tag}", f'"other", {tag}', "*", '"other"'):
                status = 200 if given == '"other"' else 304
                wire.get("/www/app.js", accepts + f"If-None-Match: {given}\r\n")
                answer = wire.answer()
                assert (answer.status, answer.headers["ETag"]) == (status, tag)
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert answer.headers["Cache-Control"] == "max-age=60"
                if status == 304:
                    assert answer.body == b""
        assert len(tags) == 2, "each representation has its own"


def test_slow_reader_and_others(server):
    """A large file goes to each at its own pace."""
    with server.wire() as slow, server.wire() as other:
        slow.get("/www/css/a%20b.bin")
        first = slow.socket.recv(10)
        for _ in range(3):
            other.get("/www/app.js")
            assert zlib.crc32(other.answer().body) == zlib.crc32(SCRIPT)
        rest = b""
        while len(rest) < len(FILES["css/a b.bin"]):
            rest += slow.socket.recv(65536)
        assert (first + rest).endswith(FILES["css/a b.bin"])


REFUSED = """
import modhttp
app = modhttp.Server()
@app.get("/www/index.html")
def index(request):
    return ""
for prefix, root in (("/p", "/rom/nowhere"), ("/p", "/rom/index.html"), ("/www", "/rom")):
    try:
        app.static(prefix, root)
    except ValueError as exc:
        print(exc)
"""


def test_refused(start):
    program = start(REFUSED, wait=False, romfs={"index.html": PAGE})
    assert program.finish() == 0
    assert program.console.splitlines() == [
        "/rom/nowhere is not a directory",
        "/rom/index.html is not a directory",
        "GET /www/index.html already has a handler",
    ]
