"""Programs for CircuitPython's adafruit_httpserver: its examples, its whole interface, and what broke the original."""

import concurrent.futures
import json
import time

import pytest

import emulated
import target as targets

INDEX = "<h1>blåbær</h1>\n".encode()
PAGE = b"<p>below the root\n"
LARGE = bytes(range(256)) * 256  # more than lwIP takes at a time
MISSING = "404 Not Found {}\r\n"


@pytest.fixture(scope="module")
def start(program, programs):
    """start("simpletest.py"): an example, running with the files that a user would have beside it."""
    files = {
        "secrets.py": (programs / "adafruit/secrets.py").read_bytes(),
        "index.html": INDEX,
        "site/page.html": PAGE,
        "site/large.bin": LARGE,
        "site/blå bær.txt": b"a name",
        "site/empty.css": b"",
        "site/sub/data.json": b"{}",
        "large.bin": LARGE,
    }
    return lambda name, **options: program(programs / "adafruit" / name, files, **options)


# ---- the examples


def test_simpletest(start):
    server = start("simpletest.py")
    server.wait_for("Connecting to a network\nConnected to a network\nListening on http://")
    answer = server.get("/")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "text/html", INDEX)
    assert server.get("/site/page.html").content == PAGE
    assert server.get("/nothing.html").text == MISSING.format("/nothing.html")


def test_simple_poll(start):
    server = start("simple_poll.py")
    assert server.get("/").content == INDEX
    before = int(server.get("/rounds").text)
    until = time.monotonic() + server.patience
    while int(server.get("/rounds").text) <= before:  # a poll that is kept waiting may have both requests
        assert time.monotonic() < until


def test_temperature(start):
    answer = start("temperature.py").get("/temperature")
    assert answer.headers["content-type"] == "text/plain"
    assert 0 < float(answer.text) < 60


def test_documented_route(start):
    server = start("route.py", app_port=8080)
    with server.client() as client:
        answer = client.post("/hello", content="blåbær")
    assert answer.text == "hello world"
    length = len(answer.request.content.decode()) + sum(len(name) + len(value) + 4
                                                        for name, value in answer.request.headers.raw)
    server.wait_for(f"Received a request of length {length + len('POST /hello HTTP/1.1') + 4} bytes\n")
    assert server.get("/hello").status_code == 404


def test_request_buffer_size(start):
    server = start("buffer.py")
    server.wait_for("the default is 1024\n")
    with server.wire() as wire:
        for head, body in ((3500, 0), (2500, 16384)):
            request = b"PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\nX-Long: " % body
            request += b"x" * (head - len(request) - 4) + b"\r\n\r\n" + b"b" * body
            wire.send(request)
            assert wire.answer().body == b"%d" % len(request)
        wire.get("/" + 3000 * "x")
        assert wire.answer().status == 404


# ---- everything


@pytest.fixture(scope="module")
def server(start):
    return start("everything.py")


@pytest.fixture(scope="module")
def facts(server):
    return server.get("/facts").json()


def test_status(facts):
    assert facts["status"] == [
        [200, "OK", "200 OK", 'HTTPStatus(200, "OK")'],
        [404, "Not Found", "404 Not Found", 'HTTPStatus(404, "Not Found")'],
        [500, "Internal Server Error", "500 Internal Server Error", 'HTTPStatus(500, "Internal Server Error")'],
    ]
    assert facts["teapot"] == [418, "I'm a teapot", "418 I'm a teapot"]


def test_mime_types(facts):
    assert facts["plain"] == "text/plain"
    assert facts["types"] == {
        "a.html": "text/html", "/b/c.css": "text/css", "a.b.js": "text/javascript", "photo.jpg": "image/jpeg",
        "photo.jpeg": "image/jpeg", "PHOTO.JPG": "image/jpeg", "x.json": "application/json", "x.svg": "image/svg+xml",
        "x.woff2": "font/woff2", "favicon.ico": "image/vnd.microsoft.icon", "notes.txt": "text/plain",
        "x.unheard-of": "text/plain", "no-extension": "text/plain", "": "text/plain",
    }


def test_modules_of_circuitpython(facts, target):
    connected, enabled, *addresses, name = facts["radio"]
    assert connected and enabled
    assert addresses[0] == ("192.168.7.2" if target == "rp2040" else "127.0.0.1")
    assert all(len(address.split(".")) == 4 for address in addresses)
    assert name
    temperature, frequency, voltage, identity, listed = facts["cpu"]
    assert 0 < temperature < 60
    assert frequency >= 48_000_000
    assert voltage is None
    assert identity == 8
    assert listed
    assert facts["delay"]
    assert facts["pool"] == [["10.0.0.1", 80], True]


def test_defaults(facts, server):
    assert facts["response"] == ["200 OK", "text/plain", "", None, ""]
    assert facts["body"]
    assert facts["keywords"] == "TypeError"
    assert facts["size"] == 1024
    assert facts["start"] is facts["poll"] is None
    assert facts["root"] == "/site"
    assert facts["not started"]
    assert facts["function"]
    answer = server.get("/default")
    assert (answer.status_code, answer.reason_phrase, answer.content) == (200, "OK", b"")


@pytest.mark.parametrize(("path", "status", "content_type", "body"), [
    ("/text", 200, "text/plain", "blåbær".encode()),
    ("/bytes", 200, "application/octet-stream", bytes(range(256))),
    ("/large", 200, "text/plain", b"0123456789" * 2000),
    ("/status/object", 418, "text/plain", b"short and stout"),
    ("/status/tuple", 404, "text/html", b"<p>gone"),
    ("/status/int", 201, "text/plain", b""),
    ("/status/text", 403, "text/plain", b""),
    ("/status/file", 500, "text/html", INDEX),
    ("/file", 200, "text/html", PAGE),
    ("/file/relative", 200, "text/html", PAGE),
    ("/file/dots", 200, "text/html", PAGE),
    ("/file/missing", 404, "text/plain", MISSING.format("/no such file.html").encode()),
    ("/file/outside", 404, "text/plain", MISSING.format("/../program.py").encode()),
    ("/own/file", 200, "application/octet-stream", LARGE),
    ("/gone", 200, "text/plain", b"None"),
])
def test_response(server, path, status, content_type, body):
    answer = server.get(path)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (status, content_type, body)
    assert answer.headers["content-length"] == str(len(body))


def test_reason_phrase_is_of_http(server):
    assert server.get("/status/tuple").reason_phrase == "Not Found"


def test_response_of_the_programs_own_kind(server):
    with server.wire() as wire:
        wire.get("/own")
        before = wire.answer()
        wire.get("/own")
        after = wire.answer()
    assert before.status == after.status == 202
    assert int(after.body.split()[1]) == int(before.body.split()[1]) + 1


def test_raw_bytes_to_the_connection(server):
    answer = server.exchange(b"GET /raw HTTP/1.1\r\nHost: t\r\n\r\n")
    assert answer == b"HTTP/1.1 299 Own Words\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw"


def test_send_to_another_socket(server):
    sent = server.get("/pipe").content
    expected = "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n"
    assert sent == (expected.format("404 Not Found", "text/css", 2).encode() + "ü".encode()
                    + expected.format("200 OK", "text/html", len(INDEX)).encode() + INDEX)


# ---- routes and requests


def test_request(server):
    request = "{} /request?a=b HTTP/1.1\r\nHost: t:8080\r\nX-Field: value\r\n"
    for method, body in (("GET", ""), ("POST", "first=1&second=2"), ("PUT", "")):
        raw = request.format(method) + (f"Content-Length: {len(body)}\r\n\r\n{body}" if body else "\r\n")
        with server.wire() as wire:
            wire.send(raw.encode())
            assert json.loads(wire.answer().body) == ["/request?a=b", method, True, raw]


def test_path_with_a_query(server):
    assert server.get("/query?a=1").text == "the one with a query"
    assert server.get("/query").text == "the other: /query"
    assert server.get("/query?a").text == "the other: /query?a"
    assert server.get("/query?").status_code == 200
    with server.wire() as wire:
        wire.get("http://t:8080/query?a=2")
        assert wire.answer().body == b"the other: /query?a=2"


def test_path_is_found_decoded_too(server):
    assert server.get("/bl%C3%A5%20b%C3%A6r").text == "/bl%C3%A5%20b%C3%A6r"


def test_last_registration_wins(server, facts):
    assert server.get("/twice").text == "second"
    assert facts["routes"] == 1


def test_methods(server):
    with server.client() as client:
        assert client.request("PURGE", "/custom").text == "PURGE"
        head = client.head("/text")
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "8")
        assert client.head("/page.html").headers["content-length"] == str(len(PAGE))
        assert client.head("/own/file").headers["content-length"] == str(len(LARGE))
        assert client.head("/nothing").status_code == 404
        assert client.head("/custom?a").status_code == 206
        assert client.head("/query?a=head").status_code == 203
        refused = client.delete("/request")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST, PUT")
        options = client.options("/custom?a")
        assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, PURGE")
        assert client.post("/page.html").headers["allow"] == "GET, HEAD, OPTIONS"


# ---- files


@pytest.mark.parametrize(("path", "content_type", "body"), [
    ("/page.html", "text/html", PAGE),
    ("/page.html?version=2", "text/html", PAGE),
    ("/sub/../page.html", "text/html", PAGE),
    ("/sub//data.json", "application/json", b"{}"),
    ("/large.bin", "application/octet-stream", LARGE),
    ("/bl%C3%A5%20b%C3%A6r.txt", "text/plain", b"a name"),
    ("/empty.css", "text/css", b""),
])
def test_file(server, path, content_type, body):
    answer = server.get(path)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, content_type, body)
    assert answer.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("path", ["/", "/sub", "/sub/", "/missing", "/page.html/", "/page.html/x", "/index.html"])
def test_missing_file(server, path):
    answer = server.get(path)
    assert (answer.status_code, answer.text) == (404, MISSING.format(path))


@pytest.mark.parametrize("path", ["/../index.html", "/sub/../../index.html", "/%2e%2e/index.html", "/..%2findex.html",
                                  "/../site/../index.html", "/..\\index.html", "//../../index.html"])
def test_no_file_outside_of_root(server, path):
    with server.wire() as wire:
        wire.get(path)
        answer = wire.answer()
        assert answer.status in (400, 404)
        assert INDEX not in answer.body


# ---- what broke the original


def test_body_in_two_segments(server):
    with server.wire() as wire:
        wire.send(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3000\r\n\r\n" + b"a" * 1000)
        time.sleep(0.1)
        wire.send(b"b" * 2000)
        assert wire.answer().body == b"a" * 1000 + b"b" * 2000


def test_head_byte_by_byte(server):
    with server.wire() as wire:
        for byte in b"GET /twice HTTP/1.1\r\nHost: t\r\n\r\n":
            wire.send(bytes([byte]))
        assert wire.answer().body == b"second"


def test_chunked_and_large_bodies(server):
    with server.client() as client:
        assert client.post("/echo", content=iter([b"ab", b"", b"cde"])).text == "abcde"
        assert client.post("/echo", content=b"x" * 16384).text == "x" * 16384
        assert client.post("/echo", content=b"x" * 16385).status_code == 413


def test_bodies_beyond_ascii(server):
    with server.client() as client:
        for body in ("blåbær €".encode(), bytes(range(256)), b"\r\n\r\n\0"):
            assert client.post("/echo", content=body).content == body


def test_connections_are_kept(server):
    with server.wire() as wire:
        for path in ("/text", "/page.html", "/own", "/missing", "/fail/division", "/large.bin", "/twice"):
            wire.get(path)
            answer = wire.answer()
            assert answer.headers["connection"] is None
        assert answer.body == b"second"


def test_empty_connections(server):
    for ending in ("end", "vanish"):
        with server.wire() as wire:
            getattr(wire, ending)()
    with server.wire() as wire:
        wire.send(b"\r\n")
        wire.end()
        assert wire.rest() == b""
    assert server.get("/twice").text == "second"


@pytest.mark.parametrize("rubbish", [b"\r\r\r\r", b"GET\r\n\r\n", b"\xff\xfe\x00 / HTTP/1.1\r\n\r\n",
                                     b"GET /%zz HTTP/1.1\r\nHost: t\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"],
                         ids=["ends of lines", "no target", "no text", "no escape", "no authority"])
def test_rubbish(server, rubbish):
    assert server.exchange(rubbish).startswith(b"HTTP/1.1 400 ")
    assert server.get("/twice").text == "second"


def test_twenty_at_once(server):
    paths = ["/text", "/large.bin", "/twice", "/fail/division"] * 5
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask_until_served(server), paths))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 500] * 5
    assert all(answer.content == LARGE for answer in answers[1::4])


def ask_until_served(server):
    """More connections than there are at a time are asked to come back."""
    def ask(path):
        for _ in range(30):
            answer = server.get(path)
            if answer.status_code != 503:
                break
            time.sleep(0.5)
        return answer

    return ask


def test_slow_client_of_a_file_keeps_nobody_waiting(server):
    with server.wire() as slow:
        for _ in range(20):
            slow.get("/large.bin")
        assert server.get("/twice").text == "second"


@pytest.mark.parametrize(("path", "words"), [
    ("/fail/division", "ZeroDivisionError"),
    ("/fail/oserror", "in the handler"),
    ("/fail/none", "AttributeError"),
    ("/fail/str", "AttributeError"),
    ("/fail/body", "TypeError"),
    ("/fail/status", "ValueError"),
    ("/fail/type", "ValueError"),
])
def test_exceptions(server, path, words):
    for _ in range(2):
        answer = server.get(path)
        assert answer.status_code == 500
        assert "x-injected" not in answer.headers
    server.wait_for(words)
    assert server.get("/twice").text == "second"


@pytest.mark.parametrize("path", ["/fail/late", "/fail/silent"])
def test_send_that_fails_ends_its_connection(server, path):
    with server.wire() as wire:
        wire.get(path)
        assert hangs_up(wire) in (b"", b"all of it")
    assert server.get("/twice").text == "second"


def hangs_up(wire):
    """The body that comes before the connection ends."""
    try:
        return wire.rest().rpartition(b"\r\n\r\n")[2]
    except AssertionError:  # reset
        return b""


def test_clients_that_vanish(server):
    for path in ("/large.bin", "/own/file", "/large", "/fail/division"):
        with server.wire() as wire:
            wire.get(path)
            wire.socket.recv(100)
            wire.vanish()
    with server.wire() as wire:
        wire.send(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nsome")
        wire.vanish()
    assert server.get("/large.bin").content == LARGE


# ---- the board at its REPL


TWO = """
import socketpool, wifi
from adafruit_httpserver import HTTPResponse, HTTPServer

pool = socketpool.SocketPool(wifi.radio)

def server(name):
    server = HTTPServer(pool)
    server.route("/")(lambda request: HTTPResponse(body=name))
    return server

def fails(call, *args):
    try:
        call(*args)
    except OSError as exc:
        return str(exc)
"""


@pytest.fixture(scope="module")
def board():
    targets.prepare("rp2040")
    with emulated.Board() as board:
        assert board.exec(TWO) == ("", "", True)
        yield board


def test_ctrl_c_and_again(board):
    for _ in range(3):
        board.start("server('again').serve_forever('')")
        board.run(50)
        assert board.get().endswith(b"\r\n\r\nagain")
        assert "KeyboardInterrupt" in board.interrupt().stderr
        assert board.connect(80).state == "reset"


def test_two_servers(board):
    board.start("""
a, b = server("a"), server("b")
a.start("0.0.0.0", 8080)
b.start("192.168.7.2", port=8081, root="/")
while True:
    a.poll()
    b.poll()
""")
    board.run(50)
    assert board.get(port=8080).endswith(b"\r\n\r\na")
    assert board.get(port=8081).endswith(b"\r\n\r\nb")
    assert board.get("/none", port=8081).endswith(b"404 Not Found /none\r\n")
    board.interrupt()


def test_radio_that_is_off(board):
    told = board.exec("""
radio = wifi.radio
radio.enabled = False
print(radio.enabled, radio.connected, radio.ipv4_address, radio.ipv4_dns)
print(fails(server("x").start, "0.0.0.0"))
radio.hostname = "station"
radio.connect("a network", timeout=1)
print(radio.connected, radio.ipv4_address, radio.hostname)
print(fails(server("x").start, "no.such.host"))
""")
    off, no_network, on, no_host = told.stdout.splitlines()
    assert (off, on) == ("False False None None", "True 192.168.7.2 station")
    assert "no network interface is up" in no_network
    assert no_host.lstrip("-").isdigit()
    assert told.stderr == ""
