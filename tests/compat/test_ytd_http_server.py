"""ytd_http_server: its README's program, and a program that uses every name of it."""

import email.utils
import http.client
import json
import re
import time

import pytest

import target as targets
from clients import vanish

APP = """
import json
import socket
import time
from ytd_http_server import HTTPERROR, HTTP_Request_Handler, HTTP_Server, VERSION

READ_ONLY = "addr", "status", "method", "path", "protocol", "body"

def error(function, *args):
    try:
        function(*args)
    except Exception as exc:
        return [type(exc).__name__, str(exc)]

class Handler(HTTP_Request_Handler):
    def answer(self, body, status=200):
        self.set_status(status)
        self.send_headers()
        self.send_body(body)

    def DO_GET(self):
        name = self.path.split("?")[0][1:]
        getattr(self, "get_" + name, self.get_nothing)()

    def DO_POST(self):
        body = self.body
        self.set_header("Content-Type", self.get_header("Content-Type"))
        self.set_header("X-Kind", type(body).__name__)
        self.answer(body, 201)

    def DO_PUT(self):
        raise RuntimeError("put")

    def DO_HEAD(self):
        if self.path == "/long":
            self.set_header("Content-Length", "12345")
        self.set_header("X-Head", "yes")
        self.send_headers()

    def DO_UNKNOWN(self):
        if self.method == "RAISE":
            raise ValueError("unknown")
        self.answer(("I do not know " + self.method).encode(), "400 Bad Request")

    def get_nothing(self):
        self.set_status("404 Not Found")
        self.send_headers()

    def get_about(self):
        about = {
            "method": self.method, "path": self.path, "protocol": self.protocol, "addr": self.addr,
            "status": self.status, "body": str(self.body), "time": self.get_time(), "VERSION": VERSION,
            "static time": HTTP_Request_Handler.get_time(),
            "has": [self.has_header("X-One"), self.has_header("x-ONE"), self.has_header("X-Two")],
            "get": [self.get_header("X-One"), self.get_header("x-one"), error(self.get_header, "X-Two")],
            "host": self.get_header("Host"),
            "set server": error(self.set_header, "Server", "mine"),
            "set date": error(self.set_header, "date", "now"),
            "get unset": error(self.get_set_header, "X-Three"),
            "assign": [error(setattr, self, name, 1) for name in READ_ONLY],
        }
        self.set_status(299)
        about["set status"] = self.status
        self.set_status("299 Custom Phrase")
        about["set phrase"] = self.status
        self.set_header("X-Three", "3")
        about["get set"] = [self.get_set_header("X-Three"), self.get_set_header("x-three")]
        self.send_headers()
        self.send_body(json.dumps(about).encode())

    def get_pieces(self):
        self.send_headers()
        for number in range(5):
            self.send_body(b"%d," % number)
        self.send_body(b"")
        self.send_body("ü")

    def get_large(self):
        self.send_headers()
        for number in range(20):
            self.send_body(b"%04d" % number * 250)

    def get_declared(self):
        self.set_header("content-length", 10)
        self.send_headers()
        self.send_body(b"01234")
        self.send_body(b"56789")

    def get_characters(self):
        text = "grün und blau"
        self.set_header("Content-Length", str(len(text)))
        self.answer(text.encode("utf-8"))

    def get_silent(self):
        self.set_header("X-Silent", "1")

    def get_headless(self):
        self.send_body(b"no send_headers")

    def get_twice(self):
        self.answer(b"once")
        self.set_status(500)
        self.send_headers()

    def get_late(self):
        self.set_status(202)
        self.send_headers()
        self.set_status(500)
        self.set_header("X-Late", "1")

    def get_none(self):
        self.set_status(204)
        self.send_headers()

    def get_zero(self):
        1 // 0

    def get_zero_later(self):
        self.send_headers()
        1 // 0

    def get_zero_in_between(self):
        self.answer(b"some")
        1 // 0

    def get_httperror(self):
        self.set_status(418)
        self.send_headers()
        raise HTTPERROR("enough")

    def get_bare_httperror(self):
        raise HTTPERROR("enough")

    def get_bad_status(self):
        self.answer(b"", "abc")

    def get_bad_field(self):
        self.set_header("X-Bad", "a\\r\\nb")
        self.answer(b"")

    def get_bad_length(self):
        self.set_header("Content-Length", "many")
        self.answer(b"")

    def get_close(self):
        self.set_header("Connection", "close")
        self.answer(b"bye")

    def get_stop(self):
        self.answer(b"stopped")
        server.sock.close()

taken = socket.socket()
taken.bind(("0.0.0.0", 81))
taken.listen(1)
print("port 81:", error(HTTP_Server(port=81).serve_forever))
taken.close()

server = HTTP_Server(Handler, "", 80)
server.sock.settimeout(None)
server.sock.setblocking(True)
server.sock.setsockopt(1, 2, 3)
server.serve_forever()
print("serve_forever() is over")
time.sleep(2)  # the answer is still on its way
"""


@pytest.fixture
def server(program):
    return program(APP)


@pytest.fixture
def get(server):
    """get(path, fields): the answer to a request, which leaves the connection as HTTP wants it."""
    with server.wire() as wire:
        def get(path, fields=""):
            wire.get(path, fields)
            return wire.answer()

        yield get


# ---- the README's program


FILES = {
    "index.html": "<h1>grüße</h1>".encode(),
    "data/values.bin": bytes(range(256)) * 150,
    "empty.txt": b"",
}


@pytest.fixture
def files(program, programs):
    server = program(programs / "ytd_http_server/files.py", files=FILES)
    server.wait_for("HTTP listening...\n")
    return server


def test_files(files):
    for path, name in (("/", "index.html"), *(("/" + name, name) for name in FILES)):
        answer = files.get(path)
        assert (answer.status_code, answer.content) == (200, FILES[name])
        assert answer.headers["Content-Length"] == str(len(FILES[name]))
        assert answer.headers["Server"].startswith("uytd/")


@pytest.mark.parametrize("path", ["/none.html", "/data/none", "/index.html?a", "/none/", "/data"])
def test_files_that_are_not_there(files, path):
    answer = files.get(path)
    assert (answer.status_code, answer.reason_phrase, answer.content) == (404, "Not Found", b"")


@pytest.mark.parametrize("path", ["/../index.html", "/data/../../x", "/%2e%2e/x", "http://../index.html"])
def test_files_beyond_the_root(files, path):
    with files.wire() as wire:
        wire.get(path)
        assert wire.answer().status in ((200,) if path.startswith("http:") else (400,))


@pytest.mark.parametrize("method", ["HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_defaults_are_501(files, method):
    with files.client() as client:
        answer = client.request(method, "/", content=b"body" if method == "PUT" else b"")
        assert (answer.status_code, answer.reason_phrase) == (501, "Not Implemented")
        assert client.get("/").status_code == 200


# ---- every name


def test_attributes(server, get):
    answer = get("/about?a=%20b&?", "X-One: 1\r\n")
    about = json.loads(answer.body)
    assert answer.status == 299
    assert answer.headers["X-Three"] == "3"
    assert answer.headers["Server"] == about["VERSION"]
    assert (about["method"], about["path"], about["protocol"]) == ("GET", "/about?a=%20b&?", "HTTP/1.1")
    assert re.fullmatch(r"\d+(\.\d+){3}", about["addr"])
    assert about["status"] == "200 OK"
    assert about["body"] == "b''"
    assert about["has"] == [True, True, False]
    assert about["get"] == ["1", "1", ["KeyError", "X-Two"]]
    assert about["set server"] == ["ValueError", "Header key 'Server' cannot be changed."]
    assert about["set date"][0] == "ValueError"
    assert about["get unset"][0] == "KeyError"
    assert [kind for kind, _ in about["assign"]] == ["AttributeError"] * 6
    assert (about["set status"], about["set phrase"]) == (299, "299 Custom Phrase")
    assert about["get set"] == ["3", "3"]
    for name in ("time", "static time"):
        assert email.utils.format_datetime(email.utils.parsedate_to_datetime(about[name]), usegmt=True) == about[name]


def test_version_of_an_older_client(server):
    with server.wire() as wire:
        wire.get("/about", "X-One: 1\r\n", version="1.0")
        answer = wire.answer()
        assert json.loads(answer.body)["protocol"] == "HTTP/1.0"
        assert "Transfer-Encoding" not in answer.headers
        assert wire.is_over()


def test_host_with_a_port(server):
    with server.wire() as wire:
        wire.send(b"GET /about HTTP/1.1\r\nHost: pico.local:8080\r\nX-One: 1\r\n\r\n")
        assert json.loads(wire.answer().body)["host"] == "pico.local:8080"


def test_a_whole_url(get):
    assert json.loads(get("http://other.example/about?q", "X-One: 1\r\n").body)["path"] == "/about?q"


def test_body(server):
    body = "grün ".encode() * 200 + bytes(range(256))
    with server.client() as client:
        answer = client.post("/", content=body, headers={"content-type": "text/x"})
        assert (answer.status_code, answer.reason_phrase, answer.content) == (201, "Created", body)
        assert (answer.headers["Content-Type"], answer.headers["X-Kind"]) == ("text/x", "bytes")
        assert client.post("/", content=iter([b"a", b"b"]), headers={"content-type": "text/x"}).content == b"ab"


def test_body_in_two_segments(server):
    with server.wire() as wire:
        for _ in range(2):
            wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\nContent-Length: 10\r\n\r\n01234")
            time.sleep(0.3)
            wire.send(b"56789")
            assert wire.answer().body == b"0123456789"


def test_body_too_large(server):
    with server.client() as client:
        assert client.post("/", content=b"x" * 20000, headers={"content-type": "text/x"}).status_code == 413


def test_body_in_pieces(server, get):
    answer = get("/pieces")
    assert (answer.status, answer.body.decode()) == (200, "0,1,2,3,4,ü")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert get("/large").body == b"".join(b"%04d" % number * 250 for number in range(20))


def test_body_of_declared_length(get):
    answer = get("/declared")
    assert (answer.headers["Content-Length"], answer.body) == ("10", b"0123456789")


def test_length_counted_in_characters(get):
    assert get("/characters").body.decode() == "grün und blau"
    assert get("/pieces").status == 200


@pytest.mark.parametrize(("path", "status", "body"), [
    ("/silent", 200, b""),
    ("/headless", 200, b"no send_headers"),
    ("/twice", 200, b"once"),
    ("/late", 202, b""),
    ("/none", 204, b""),
    ("/nowhere", 404, b""),
    ("/nowhere?a", 404, b""),
    ("/httperror", 418, b""),
])
def test_odd_handlers(get, path, status, body):
    answer = get(path)
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["X-Late"] is None
    assert get("/none").status == 204


def test_silent_handler_sends_its_headers(get):
    assert get("/silent").headers["X-Silent"] == "1"


@pytest.mark.parametrize(("path", "length"), [("/", None), ("/long", "12345")])
def test_head(server, path, length):
    with server.wire() as wire:
        wire.send(b"HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
        answer = wire.answer("HEAD")
        assert (answer.status, answer.headers["X-Head"], answer.body) == (200, "yes", b"")
        assert answer.headers["Content-Length"] == length
        wire.get("/none")
        assert wire.answer().status == 204


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "BREW"])
def test_unknown_method(server, method):
    with server.client() as client:
        answer = client.request(method, "/")
        assert (answer.status_code, answer.text) == (400, "I do not know " + method)
        assert client.delete("/").status_code == 501


def test_connection_close(server):
    with server.wire() as wire:
        wire.get("/close")
        assert wire.answer().body == b"bye"
        assert wire.is_over()


def test_log(server, get):
    get("/nowhere?logged")
    get("/nowhere?next")
    server.wait_for("/nowhere?next 404 ")   # the line before is whole
    line = re.search(r".*/nowhere\?logged.*", server.console)[0]
    assert re.fullmatch(r"INFO \[\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\]: GET /nowhere\?logged 404 [\d.]+", line)


def test_port_in_use(server):
    assert "port 81: ['OSError', " in server.console


# ---- what must not end it


@pytest.mark.parametrize("path", [
    "/zero", "/zero_later", "/bare_httperror", "/bad_status", "/bad_field", "/bad_length",
])
def test_exceptions(server, get, path):
    assert get(path).status == 500
    assert get("/none").status == 204
    server.wait_for(f"]: GET {path} 500 ")


def test_exception_in_an_answer(server):
    with server.wire() as wire:
        wire.get("/zero_in_between")
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            wire.answer()
    assert server.get("/none").status_code == 204


@pytest.mark.parametrize("method", ["PUT", "RAISE"])
def test_exceptions_in_other_methods(server, method):
    with server.client() as client:
        assert client.request(method, "/", content=b"x").status_code == 500
        assert client.get("/none").status_code == 204


def test_clients_that_vanish(server):
    vanish(server, b"", b"GET /none", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
           b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    assert server.get("/none").status_code == 204


def test_twenty_at_once(server):
    statuses = targets.at_once(20, lambda: server.get("/large").status_code)
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 16


def test_closing_the_socket(server):
    """Last: it ends the program."""
    assert server.get("/stop").text == "stopped"
    server.wait_for("serve_forever() is over")
    assert server.finish() == 0
