"""experimental.http_server: EuroPi's programs, all of its interface, and what its own server breaks at."""

import html
import http
import json
import time

import pytest

import emulated
import target as targets
from clients import get, post

PAGE_TYPE = "text/html; charset=utf-8"


@pytest.fixture(scope="module")
def europi(program, programs):
    """europi(name, port): the program of that name, with EuroPi's framework beside it."""
    files = {name: (programs / "europi" / name).read_bytes() for name in ("europi.py", "europi_script.py")}

    def start(name, port=80):
        return program(programs / "europi" / f"{name}.py", files, app_port=port)

    return start


@pytest.fixture
def everything(europi):
    return europi("everything", 8080)


def ask(program, path, body=None, fields=""):
    return get(program, path, fields) if body is None else post(program, path, body, fields=fields, pause=0)


def log(program):
    return json.loads(ask(program, "/log").body)


def assert_page(answer, status, message):
    assert (answer.status, answer.headers["Content-Type"]) == (status, PAGE_TYPE)
    assert answer.body.startswith(b"<!DOCTYPE html>")
    assert f"<h2>{status} {http.HTTPStatus(status).phrase}</h2>" in answer.body.decode()
    assert f"<p>{html.escape(message, quote=False)}</p>" in answer.body.decode()


# ---- EuroPi's programs

def test_handlers(europi):
    """The documentation's handlers, the first just as printed: its answer is three dots, and so an error."""
    program = europi("handlers", 8080)
    for _ in range(2):
        answer = ask(program, "/")
        assert (answer.status, answer.headers["Content-Type"]) == (500, PAGE_TYPE)
        assert ask(program, "/", b"coffee").body.endswith(b"\r\n\r\ncoffee")


def test_coffee_pot(europi):
    program = europi("coffee_pot")
    with program.client() as client:
        for _ in range(2):
            answer = client.post("/", content=b"milk")
            assert (answer.status_code, answer.text) == (200, "a cup of coffee")
        answer = client.post("/", content=b"milk")
        assert (answer.status_code, answer.reason_phrase) == (418, "I'm a teapot")
        assert "We're out of coffee!" in answer.text
        assert "418 I'm a teapot" in answer.text
        assert client.get("/").status_code == 501


def test_web_control(europi):
    program = europi("web_control")
    with program.client() as client:
        page = client.get("/")
        assert page.headers["Content-Type"] == PAGE_TYPE
        assert "<title>Outputs – EuroPi</title>" in page.text
        answer = client.post("/", json={"cv1": 2.5, "cv6": 30})
        assert answer.headers["X-Outputs"] == "6"
        assert answer.json()["outputs"] == {"cv1": 2.5, "cv2": 0, "cv3": 0, "cv4": 0, "cv5": 0, "cv6": 10}
        assert answer.json()["inputs"] == {"ain": 1.5, "din": 1}
        time.sleep(0.1)
        assert client.post("/", json={}).json()["steps"] > answer.json()["steps"], "the program goes on meanwhile"
        assert client.post("/", content=b"nonsense").status_code == 400


# ---- The interface

def test_names_and_defaults(everything):
    answer = json.loads(ask(everything, "/names").body)
    statuses = {
        "OK": 200, "BAD_REQUEST": 400, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404, "REQUEST_TIMEOUT": 408,
        "TEAPOT": 418, "INTERNAL_SERVER_ERROR": 500, "NOT_IMPLEMENTED": 501,
    }
    assert answer["status"] == statuses
    assert set(answer["text"]) == set(map(str, statuses.values()))
    assert (answer["text"]["200"], answer["text"]["418"]) == ("OK", "I'm a teapot")
    assert answer["mime"] == {"CSV": "text/csv", "HTML": "text/html", "JSON": "text/json", "TEXT": "text/plain",
                              "XML": "text/xml", "YAML": "text/yaml"}
    assert answer["ports"] == [8080, 8081, 80]
    assert answer["not implemented"]
    assert answer["page"] and answer["callbacks"]


@pytest.mark.parametrize("path, status, content_type, body, fields", [
    ("response", 200, PAGE_TYPE, "<p>naïve ☕</p>", {}),
    ("options", 404, "text/csv; charset=utf-8", "a,b\r\n", {"X-One": "1", "X-Two": "2"}),
    ("keywords", 299, "text/yaml; charset=utf-8", "a: 1", {}),
    ("html", 200, PAGE_TYPE, "<p>html</p>", {}),
    ("html-options", 403, PAGE_TYPE, "<p>no</p>", {"X-One": "1"}),
    ("json-options", 200, "text/json; charset=utf-8", "[1]", {"X-One": "1"}),
    ("large", 200, "text/plain; charset=utf-8", "0123456789" * 1200, {}),
    ("plain", 404, PAGE_TYPE, "404|Not Found|&lt;&amp;&gt;", {}),
])
def test_responses(everything, path, status, content_type, body, fields):
    answer = ask(everything, "/" + path)
    assert (answer.status, answer.headers["Content-Type"], answer.body.decode()) == (status, content_type, body)
    assert answer.headers["Content-Length"] == str(len(body.encode()))
    assert fields.items() <= dict(answer.headers.items()).items()


def test_send_json(everything):
    answer = ask(everything, "/json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/json; charset=utf-8")
    assert json.loads(answer.body) == {"a": [1, None, "é"]}


def test_error_pages(everything):
    assert_page(ask(everything, "/error"), 500, "<b>1 & 2</b>")
    answer = ask(everything, "/error-options")
    assert_page(answer, 503, "later")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize("path, status, message", [
    ("raise", 500, "<b>raised</b>"),
    ("raise-not-implemented", 501, "not <yet>"),
    ("default", 501, "No request handler set"),
    ("hang-on", 500, "the handler sent no response"),
])
def test_exceptions_are_pages(everything, path, status, message):
    assert_page(ask(everything, "/" + path), status, message)


@pytest.mark.parametrize("path", ["raise-os", "raise-type", "bad-header"])
def test_other_exceptions_are_pages_too(everything, path):
    answer = ask(everything, "/" + path)
    assert (answer.status, answer.headers["Content-Type"]) == (500, PAGE_TYPE)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "BREW"])
def test_other_methods(everything, method):
    with everything.wire() as wire:
        wire.send(f"{method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody".encode())
        assert_page(wire.answer(method), 400, f"Unsupported HTTP method {method}")
        wire.get("/html")
        assert wire.answer().status == 200


def test_head(everything):
    with everything.wire() as wire:
        wire.send(b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert wire.answer("HEAD").status == 400
        wire.get("/html")
        assert wire.answer().body == b"<p>html</p>"


# ---- How handlers are called

def test_request_is_the_text_as_sent(everything):
    ask(everything, "/post-echo")
    head = "POST /?a&b=%20 HTTP/1.1\r\nHost: 192.168.7.2:8080\r\nX-Name: naïve\r\nContent-Length: 9\r\n\r\n"
    with everything.wire() as wire:
        for part in (head.encode() + b"\xe2\x98", b"\x95 two", b"\r\n"):  # the body in segments, amid a character
            wire.send(part)
        assert wire.answer().body.decode() == head + "☕ two\r\n"
        wire.get("/?a", "Cookie: b=1\r\n")
        assert wire.answer().body == b"GET /?a HTTP/1.1\r\nHost: test\r\nCookie: b=1\r\n\r\n"


def test_body_that_is_not_utf8(everything):
    ask(everything, "/post-echo")
    body = bytes(range(256))
    answer = ask(everything, "/", body, "X-Name: naïve\r\n")
    head, _, rest = answer.body.decode().partition("\r\n\r\n")
    assert rest == body.decode("latin-1")
    assert "naïve" in head


def test_chunked_body(everything):
    ask(everything, "/post-echo")
    with everything.wire() as wire:
        wire.send(b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send(b"3\r\none\r\n4\r\n,two\r\n0\r\n\r\n")
        assert wire.answer().body.endswith(b"\r\n\r\none,two")


def test_body_too_large(everything):
    ask(everything, "/post-echo")
    assert ask(everything, "/", b"x" * 16384).status == 200
    with everything.wire() as wire:
        wire.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 99999\r\n\r\n")
        assert wire.answer().status == 413
    assert ask(everything, "/html").status == 200


@pytest.mark.parametrize("handler, body", [
    ("conn", b"conn !"),
    ("wrapped", b"conn !"),
    ("keywords", b"connection request"),
    ("method", b"method"),
])
def test_names_of_the_connection(everything, handler, body):
    ask(everything, "/post-" + handler)
    assert ask(everything, "/", b"!").body == body


@pytest.mark.parametrize("handler, calls, message", [
    ("nothing", 0, "unexpected keyword argument 'request'"),
    ("request-only", 0, "unexpected keyword argument 'connection'"),
    ("fails", 1, "unexpected keyword argument 'connection'"),
    ("conn-fails", 1, ""),
    ("keywords-fail", 1, ""),
    ("sends-and-fails", 1, "sent"),
])
def test_type_errors_of_handlers_are_their_own(everything, handler, calls, message):
    ask(everything, "/post-" + handler)
    name = "post_" + handler.replace("-", "_")
    before = log(everything).count(name)
    answer = ask(everything, "/", b"!")
    assert answer.status == 500
    assert message in answer.body.decode()
    assert log(everything).count(name) - before == calls
    assert "never called" not in log(everything)


# ---- The connection

def test_raw_bytes(everything):
    text = everything.exchange(b"GET /raw HTTP/1.1\r\nHost: test\r\n\r\n")
    assert text == b"HTTP/1.0 202 Raw\r\nContent-Type: text/x-raw\r\n\r\n\xc3\xa9"
    assert "raw 46" in log(everything)


def test_raw_bytes_are_over_when_the_handler_returns(everything):
    for path, end in (("raw-open", b"open"), ("raw-raise", b"and then"), ("hang-up", b"")):
        text = everything.exchange(b"GET /%s HTTP/1.1\r\nHost: test\r\n\r\n" % path.encode())
        assert text == (b"HTTP/1.0 200 OK\r\n\r\n" + end if end else b"")
    everything.wait_for("ValueError: after raw bytes\n")


def test_one_response_is_sent(everything):
    with everything.wire() as wire:
        for path, body in (("/twice", b"first"), ("/raise-after", b"sent before"), ("/html", b"<p>html</p>")):
            wire.get(path)
            assert wire.answer().body == body
    assert "twice OSError" in log(everything)


# ---- Clients

def test_connection_is_kept(everything):
    with everything.wire() as wire:
        for _ in range(3):
            wire.get("/html")
            assert wire.answer().body == b"<p>html</p>"


def test_one_check_serves_all_that_wait(everything):
    wires = [everything.wire() for _ in range(20)]
    wires[0].get("/gather-20")
    wires[0].answer()
    for number, wire in enumerate(wires):
        wire.get(f"/?{number}")
    for number, wire in enumerate(wires):
        answer = wire.answer()
        assert (answer.status, answer.body[:10].split()[1]) == (200, b"/?%d" % number)
        wire.socket.close()
    everything.wait_for("served all\n")


def test_empty_and_vanished_clients(everything):
    for _ in range(22):  # more than there are connections
        with everything.wire():
            pass
        wire = everything.wire()
        wire.get("/large")
        wire.vanish()
    for _ in range(100):
        if ask(everything, "/open").body == b"1":  # the one that asks
            break
        time.sleep(0.05)
    else:
        raise AssertionError("connections are left over")


def test_interrupt_in_a_handler_is_the_programs(start):
    program = start("""
from experimental.http_server import HttpServer

server = HttpServer()

@server.get_handler
def get(request, connection):
    raise KeyboardInterrupt

try:
    while True:
        server.check_requests()
except KeyboardInterrupt:
    print("interrupted")
    server.socket.close()
    server.check_requests()
server.get_callback = server.default_request_handler
server = HttpServer(80)
print("again")
while True:
    server.check_requests()
""")
    assert program.get("/").status_code == 503
    program.wait_for("interrupted\n")
    program.wait_for("again\n")        # until then nobody listens
    assert program.get("/").status_code == 501


# ---- The board

@pytest.fixture(scope="module")
def flash(tmp_path_factory):
    """EuroPi's modules in /lib, among them its own server."""
    targets.prepare("rp2040")
    return targets.provide("rp2040", {
        "lib/experimental/__init__.py": b"",
        "lib/experimental/knobs.py": b"bank = 'of knobs'\n",
        "lib/experimental/http_server.py": b"raise ImportError\n",
    }, tmp_path_factory.mktemp("flash"))


def test_other_modules_of_the_package(flash):
    with emulated.Board(flash=flash) as board:
        result = board.exec("""
from experimental.knobs import bank
from experimental.http_server import HttpServer
print(bank, HttpServer)
""")
        assert result.stdout.startswith("of knobs <class"), result.stderr


def test_server_made_before_there_is_a_network(flash):
    with emulated.Board() as board:
        board.start("""
import network
from experimental.http_server import HttpServer

network.SLIP().active(False)
server = HttpServer()
server.check_requests()
network.SLIP().active(True)
while True:
    server.check_requests()
""")
        board.run(100)
        assert board.get().startswith(b"HTTP/1.1 501 ")
