"""picohttp: its description's programs, and one that uses every name of it."""

import http.client
import json
import threading
import time
from types import SimpleNamespace

import pytest

import target as targets
from clients import vanish

APP = """
import gc
import io
import json
import os
import socket
import time
import picohttp
from picohttp import HttpClient, HttpRequest, HttpResponse, HttpServer, staticResource

def shown(thing):
    return {name: getattr(thing, name) for name in ("method", "path", "query", "protocol", "status", "headers", "data")
            if hasattr(thing, name)}

# ---- the client, with a socket of our own: a board has no way to itself

class Socket(io.BytesIO):
    answer = b""

    def connect(self, address):
        Socket.address = address[-1]

    def settimeout(self, seconds):
        pass

    def write(self, data):
        Socket.sent = data
        super().write(Socket.answer)
        self.seek(0)

class Network:
    socket = Socket

    @staticmethod
    def getaddrinfo(host, port):
        if host == "nowhere":
            raise OSError(-2)
        return [(2, 1, 0, "", (host, port))]

def client(answer, method, *args, host="1.2.3.4", **options):
    Socket.answer = answer
    response = getattr(HttpClient(host, 8080), method)(*args, **options)
    return [Socket.sent.decode(), response and shown(response), str(type(response))]

OK = b"HTTP/1.0 200 OK\\r\\nContent-Length: 3\\r\\nX-A: b:c\\r\\n\\r\\nabcdef"
picohttp.socket = Network
defaults = HttpClient("1.2.3.4")
clients = {
    "get": client(OK, "get", "/a b", {"q": "1&2", "n": 3}, {"X-B": "c"}),
    "keywords": client(OK, "get", "/", query={"q": "1"}, headers={"X-B": "c"}),
    "put": client(b"HTTP/1.1 204 No Content\\r\\n\\r\\n", "put", "/x", {}, {}, "gr\\xfcn"),
    "post": client(b"HTTP/1.1 200 OK\\ncontent-length: 0\\n\\n", "post", "/x", data=b"bytes"),
    "delete": client(b"HTTP/1.0 404 Not Found\\r\\n\\r\\nto the end", "delete", "/x"),
    "bytes": client(b"HTTP/1.0 200 OK\\r\\n\\r\\n\\xff", "get", "/")[2],
    "short": client(b"HTTP/1.0 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc", "get", "/")[1],
    "no HTTP": client(b"SSH-2.0\\r\\n", "get", "/")[1],
    "silent": client(b"", "get", "/")[1],
    "nowhere": client(OK, "get", "/", host="nowhere")[1],
    "attributes": [defaults.host, defaults.port],
}
picohttp.socket = socket

# ---- requests and responses of one's own

mine = {
    "request": shown(HttpRequest()),
    "response": shown(HttpResponse("HTTP/1.0")),
    "all": shown(HttpRequest("PUT", ["a"], {"q": "1"}, "HTTP/1.1", {"X": "y"}, "data")),
    "all of it": shown(HttpResponse("HTTP/1.1", 404, {"X": "y"}, "data")),
    "apart": HttpRequest().headers is not HttpRequest().headers,
    "builtin": FileNotFoundError is OSError,
}

def static(method, path, *args, **options):
    response = HttpResponse("HTTP/1.0")
    staticResource(HttpRequest(method, path), response, *args, **options)
    return [response.status, response.headers.get("Content-Type"), response.data and response.data.decode()]

statics = {
    "default": static("GET", [""]),
    "base": static("GET", ["a.txt"], "sub"),
    "base with slash": static("GET", ["a.txt"], "sub/"),
    "all": static("GET", [""], "sub", "a.txt", "text/x"),
    "mime": static("GET", ["b.unknown"], staticBase="sub", defaultMime="text/x"),
    "no extension": static("GET", ["plain"], staticBase="sub"),
    "dots": static("GET", ["..", "index.html"], "sub"),
    "dots inside": static("GET", ["../index.html"], "sub"),
    "absolute": static("GET", ["", "index.html"]),
    "directory": static("GET", ["sub"]),
    "missing": static("GET", ["none"]),
    "post": static("POST", [""]),
}

# ---- the server

servers = {}

def one(request, response):
    response.data = "one"

taken = socket.socket()
taken.bind(("0.0.0.0", 81))
taken.listen(1)
waiting = HttpServer(82, one, start=False, block=False)
servers["before"] = [waiting.port, waiting.ports, waiting.socket]
servers["start"] = [waiting.start(), waiting.port, waiting.socket is not None]
listed = HttpServer([81, 82, 83], one, block=False)
servers["list"] = [listed.port, listed.ports]
servers["again"] = listed.start()
servers["taken"] = [HttpServer(81, one, block=False).port, HttpServer([81, 82], one, start=False).start()]
newer = HttpServer(82, one, block=False)
servers["taken over"] = newer.port
servers["attributes"] = [newer.args, newer.threads, newer.block, newer.reuse, newer.handler is one]
odd = HttpServer(84, one, (1,), False, True, False, reuse=False)
servers["positional"] = [odd.port, odd.args, odd.threads, odd.block, odd.reuse]
servers["default"] = HttpServer(start=False).handler is staticResource
for done in (odd, listed, newer):
    done.socket.close()
taken.close()
del waiting, done, odd, listed, newer

# ---- handlers

ticks = 0
stopping = False
ballast = []

def handler(request, response, word, numbers):
    global stopping
    name = request.path[0]
    if request.method == "RAISE":
        raise RuntimeError("raised by hand")
    if name == "about":
        response.headers["Content-Type"] = "application/json"
        about = shown(request)
        about["kind"] = type(request.data).__name__
        about["args"] = [word, numbers]
        about["ticks"] = ticks
        fields = request.headers
        about["cases"] = [fields.get("x-ONE"), "X-One" in fields, fields.get("X-Two", "none")]
        about["response"] = shown(response)
        response.data = json.dumps(about)
    elif name == "results":
        response.data = json.dumps(globals()[request.path[1]])
    elif name == "echo":
        response.data = request.data
    elif name == "data":
        response.data = {"str": "gr\\xfcn", "bytes": bytes(range(256)), "none": None, "empty": "", "int": 42,
                         "html": "<b>", "view": memoryview(b"view"), "list": [1, 2]}[request.path[1]]
    elif name == "status":
        response.status = request.path[1] if "text" in request.query else int(request.path[1])
    elif name == "headers":
        response.headers["X-Int"] = 5
        response.headers["Content-Length"] = 99
        response.headers["Connection"] = "close"
        response.headers["Content-Type"] = "text/x"
        response.data = "four"
    elif name == "field":
        response.headers["X-Bad"] = "a\\r\\nb"
    elif name == "kind":
        response.data = [request.headers[name] for name in ("content-type", "HOST")][0]
    elif name == "zero":
        response.headers["X-Kept"] = "1"
        1 // 0
    elif name == "missing":
        open("no such file")
    elif name == "slow":
        time.sleep(0.3)
        response.data = "slow"
    elif name == "static":
        del request.path[0]
        query = request.query
        staticResource(request, response, query["base"], query.get("default"), query.get("mime", "text/plain"))
        if "look" in query:
            response.data = response.data.upper()
        if "scarce" in query:
            try:
                for _ in range(2000):
                    ballast.append(bytearray(2048))
            except MemoryError:
                del ballast[-4:]
    elif name == "plenty":
        ballast.clear()
    elif name == "stop":
        stopping = True
        response.data = "stopped"
        server.socket.close()
    else:
        response.status = 404

gc.collect()
server = HttpServer(80, handler, args=("word", [1, 2]), block=False)
while not stopping:
    time.sleep_ms(10)
    ticks += 1
blocking = HttpServer(80, handler, ("again", []), start=False)
server = blocking
print("start() returned", blocking.start())
time.sleep(2)  # the answer is still on its way
"""

FILES = {
    "index.html": "<h1>grüße</h1>".encode(),
    "style.css": b"b {}",
    "script.JS": b"1",
    "image.png": bytes(range(256)) * 100,
    "sub/a.txt": b"a",
    "sub/b.unknown": b"b",
    "sub/plain": b"plain",
    "empty": b"",
}


@pytest.fixture
def server(program):
    return program(APP, files=FILES)


@pytest.fixture
def results(server):
    return lambda name: server.get("/results/" + name).json()


# ---- the description's programs


def test_minimal(program, programs):
    server = program(programs / "picohttp/minimal.py", files=FILES)
    types = {"index.html": "text/html", "style.css": "text/css", "script.JS": "text/javascript",
             "image.png": "image/png", "sub/a.txt": "text/plain", "sub/b.unknown": "text/plain", "empty": "text/plain"}
    with server.client() as client:
        for path, name in (("/", "index.html"), *(("/" + name, name) for name in types)):
            answer = client.get(path)
            assert (answer.status_code, answer.content) == (200, FILES[name])
            assert answer.headers["Content-Type"] == types[name]
            assert answer.headers["Content-Length"] == str(len(FILES[name]))
            head = client.head(path)
            assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(FILES[name])))
        assert client.get("/index.html?a&b=c").content == FILES["index.html"]
        assert [client.get(path).status_code for path in ("/none", "/sub", "/sub/none", "/none/a")] == [404] * 4
        assert client.post("/", content=b"x").status_code == 501


@pytest.mark.parametrize("path", ["/../index.html", "/sub/../../x", "/%2e%2e/x", "/..%2fx"])
def test_minimal_keeps_to_its_files(program, programs, path):
    server = program(programs / "picohttp/minimal.py", files=FILES)
    with server.wire() as wire:
        wire.get(path)
        assert wire.answer().status == 400


def test_words(program, programs):
    server = program(programs / "picohttp/words.py", files={}, app_port=8080)
    with server.client() as client:
        for path, status, text in (("/hello", 200, "Hello world!"), ("/goodbye/now?a", 200, "Goodbye cruel world"),
                                   ("/", 404, "I don't know what to say")):
            answer = client.get(path)
            assert (answer.status_code, answer.text) == (status, text)


def test_rest(target, tmp_path, programs):
    def start():
        return targets.Program(target, programs / "picohttp/rest.py", tmp_path, app_port=8765, files={})

    with start() as server, server.client() as client:
        assert client.get("/").json() == {}
        assert client.put("/name", content="grün").status_code == 200
        assert client.put("/gr%C3%BCn", content="leaf").status_code == 200
        assert client.put("/other", content="gone").status_code == 200
        assert client.put("/other", content="gone soon").status_code == 200
        assert client.get("/other").text == "gone soon"
        assert client.get("/gr%C3%BCn").text == "leaf"
        assert client.delete("/other").status_code == 200
        assert [client.request(method, "/other").status_code for method in ("GET", "DELETE", "BREW")] == [404, 404, 501]
        assert client.put("/", content="x").status_code == 400
        assert client.put("/bad", content=b"\xff").status_code == 400
    with start() as server, server.client() as client:
        answer = client.get("/")
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {"name": "grün", "grün": "leaf"}
        assert client.put("/name", content="blau").status_code == 200
        assert client.get("/name").text == "blau"


# ---- requests


def test_request(server):
    with server.wire() as wire:
        wire.send(b"GET //about//a%20b/%C3%BC/?q=1+2&empty=&a&u=%C3%BC HTTP/1.1\r\nHost: pico:8080\r\nX-One: 1\r\n"
                  b"X-Many: 1\r\nX-Many: 2\r\n\r\n")
        answer = wire.answer()
    about = json.loads(answer.body)
    assert answer.headers["Content-Type"] == "application/json"
    assert (about["method"], about["protocol"]) == ("GET", "HTTP/1.1")
    assert about["path"] == ["about", "", "a b", "ü"]
    assert about["query"] == {"q": "1 2", "empty": "", "a": "", "u": "ü"}
    assert about["headers"] == {"Host": "pico:8080", "X-One": "1", "X-Many": "1, 2"}
    assert about["cases"] == ["1", True, "none"]
    assert (about["data"], about["kind"]) == (None, "NoneType")
    assert about["args"] == ["word", [1, 2]]
    assert about["response"] == {"protocol": "HTTP/1.0", "status": 200, "data": None,
                                 "headers": {"Content-Type": "application/json"}}


def test_query_of_a_name_alone(server):
    assert server.get("/about?a").json()["query"] == {"a": ""}


@pytest.mark.parametrize("content", [b"text", "grün".encode(), b"", b"x" * 4000])
def test_data(server, content):
    with server.client() as client:
        about = client.post("/about", content=content).json()
        assert (about["data"], about["kind"]) == (content.decode(), "str")
        assert client.post("/echo", content=iter([content, b"!"])).content == content + b"!"


def test_much_data(server):
    with server.client() as client:
        assert client.put("/echo", content=b"x" * 16384).content == b"x" * 16384


def test_data_in_two_segments(server):
    with server.wire() as wire:
        wire.send(b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\ngr\xc3")
        time.sleep(0.3)
        wire.send(b"\xbcn")
        assert wire.answer().body.decode() == "grün"
        wire.get("/status/204")
        assert wire.answer().status == 204


def test_data_that_is_no_text_or_too_much(server):
    with server.client() as client:
        assert client.put("/echo", content=b"\xff").status_code == 400
        assert client.put("/echo", content=b"x" * 20000).status_code == 413
        assert client.put("/echo", content=b"x").text == "x"


def test_headers_in_any_case(server):
    assert server.get("/kind").status_code == 500
    with server.client() as client:
        assert client.get("/kind", headers={"CONTENT-type": "text/x"}).text == "text/x"


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "BREW"])
def test_any_method(server, method):
    with server.client() as client:
        assert client.request(method, "/about").json()["method"] == method


# ---- responses


@pytest.mark.parametrize(("kind", "body"), [
    ("str", "grün".encode()), ("bytes", bytes(range(256))), ("none", b""), ("empty", b""), ("int", b"42"),
    ("html", b"<b>"), ("view", b"view"), ("list", b"[1, 2]"),
])
def test_response_data(server, kind, body):
    answer = server.get("/data/" + kind)
    assert (answer.status_code, answer.content) == (200, body)
    assert answer.headers["Content-Length"] == str(len(body))
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("status", [200, 204, 299, 304, 404, 418, 503, 599])
def test_status(server, status):
    with server.wire() as wire:
        for _ in range(2):
            wire.get(f"/status/{status}")
            answer = wire.answer()
            assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize("status", [0, 99, 100, 600, 1000, -1])
def test_status_that_is_none(server, status):
    assert server.get(f"/status/{status}").status_code == 500
    assert server.get("/status/200").status_code == 200


def test_status_in_text(server):
    assert server.get("/status/404?text").status_code == 404
    assert server.get("/status/missing?text").status_code == 500


def test_response_headers(server):
    with server.wire() as wire:
        wire.get("/headers")
        answer = wire.answer()
        assert (answer.headers["X-Int"], answer.headers["Content-Type"]) == ("5", "text/x")
        assert answer.headers.get_all("Content-Length") == ["4"]
        assert answer.body == b"four"
        assert wire.is_over()


def test_head(server):
    with server.wire() as wire:
        wire.send(b"HEAD /data/str HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = wire.answer("HEAD")
        assert (answer.headers["Content-Length"], answer.body) == ("5", b"")
        wire.get("/data/str")
        assert wire.answer().body.decode() == "grün"


def test_older_client(server):
    with server.wire() as wire:
        wire.get("/about", version="1.0")
        assert json.loads(wire.answer().body)["protocol"] == "HTTP/1.0"
        assert wire.is_over()


# ---- files


def test_static_resources(results):
    found = SimpleNamespace(**{name.replace(" ", "_"): value for name, value in results("statics").items()})
    missing = [404, None, None]
    assert found.default == [200, "text/html", FILES["index.html"].decode()]
    assert found.base == found.base_with_slash == [200, "text/plain", "a"]
    assert found.all == [200, "text/plain", "a"]
    assert found.mime == [200, "text/x", "b"]
    assert found.no_extension == [200, "text/plain", "plain"]
    assert found.absolute == found.default  # below the program's directory, not at the root
    assert found.dots == found.dots_inside == found.directory == found.missing == missing
    assert found.post == [501, None, None]


def test_static_resource_from_a_handler(server):
    with server.client() as client:
        assert client.get("/static/a.txt?base=sub").text == "a"
        assert client.get("/static/?base=sub&default=b.unknown&mime=text/x").headers["Content-Type"] == "text/x"
        assert client.get("/static/image.png?base=").content == FILES["image.png"]
        assert client.get("/static/plain?base=sub&look").text == "PLAIN"


def test_file_larger_than_memory(server):
    answer = server.get("/static/image.png?base=&scarce")
    assert server.get("/plenty").status_code == 200
    assert (answer.status_code, answer.content) == (200, FILES["image.png"])
    assert answer.headers["Content-Length"] == str(len(FILES["image.png"]))


# ---- the server


def test_ports(results):
    servers = results("servers")
    assert servers["before"] == [0, [82], None]
    assert servers["start"] == [82, 82, True]
    assert servers["list"] == [83, [81, 82, 83]]
    assert servers["again"] == 83
    assert servers["taken"] == [0, 0]
    assert servers["taken over"] == 82


def test_parameters(server, results):
    servers = results("servers")
    assert servers["attributes"] == [[], True, False, True, True]
    assert servers["positional"] == [84, [1], False, False, False]
    assert servers["default"] is True
    assert "picohttp: " in server.console


def test_without_block_the_program_goes_on(server):
    before = server.get("/about").json()["ticks"]
    time.sleep(0.5)
    assert server.get("/about").json()["ticks"] > before


def test_slow_handlers(server):
    """One after the other: everybody is served."""
    texts = []
    visitors = [threading.Thread(target=lambda: texts.append(server.get("/slow").text)) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    assert server.get("/data/html").text == "<b>"
    for visitor in visitors:
        visitor.join()
    assert texts == ["slow"] * 3


# ---- the client


def test_client(results):
    clients = results("clients")
    ok = {"protocol": "HTTP/1.0", "status": 200, "headers": {"Content-Length": "3", "X-A": "b:c"}, "data": "abc"}
    sent, response, kind = clients["get"]
    line, *fields = sent.split("\r\n")
    assert line in ("GET /a%20b?q=1%262&n=3 HTTP/1.0", "GET /a%20b?n=3&q=1%262 HTTP/1.0")
    assert fields == ["Host: 1.2.3.4:8080", "X-B: c", "", ""]
    assert (response, "HttpResponse" in kind) == (ok, True)
    assert clients["keywords"][0].startswith("GET /?q=1 HTTP/1.0\r\n")
    sent, response, _ = clients["put"]
    assert sent == "PUT /x HTTP/1.0\r\nHost: 1.2.3.4:8080\r\nContent-Length: 5\r\n\r\ngrün"
    assert response == {"protocol": "HTTP/1.1", "status": 204, "headers": {}, "data": None}
    sent, response, _ = clients["post"]
    assert sent.endswith("Content-Length: 5\r\n\r\nbytes")
    assert (response["status"], response["data"]) == (200, "")
    sent, response, _ = clients["delete"]
    assert sent == "DELETE /x HTTP/1.0\r\nHost: 1.2.3.4:8080\r\n\r\n"
    assert (response["status"], response["data"]) == (404, "to the end")
    assert "HttpResponse" in clients["bytes"]
    assert [clients[name] for name in ("short", "no HTTP", "silent", "nowhere")] == [None] * 4
    assert clients["attributes"] == ["1.2.3.4", 80]


LOOP = """
import picohttp
def handler(request, response):
    response.status = 201
    response.data = "%s %s %s %s" % (request.method, "/".join(request.path), request.query.get("q"), request.data)
picohttp.HttpServer(80, handler, block=False)
response = picohttp.HttpClient("127.0.0.1").put("/a b/\xfc", {"q": "1&2 3"}, {"X-A": "b"}, "gr\xfcn")
print(response.status, response.data, response.headers["Content-Length"])
print(picohttp.HttpClient("127.0.0.1", 81).get("/"))
"""


@pytest.mark.parametrize("target", ["host", "sanitized"], indirect=True)
def test_client_and_server(target, start):
    """A board has no way to itself: its lwIP has no loopback interface."""
    program = start(LOOP, wait=False)
    assert program.finish() == 0
    assert "201 PUT a b/ü 1&2 3 grün 22\n" in program.console
    assert program.console.endswith("\nNone\n")


# ---- classes


def test_classes(results):
    mine = results("mine")
    assert mine["request"] == {"method": "", "path": [], "query": {}, "protocol": "", "headers": {}, "data": None}
    assert mine["response"] == {"protocol": "HTTP/1.0", "status": 200, "headers": {}, "data": None}
    assert mine["all"] == {"method": "PUT", "path": ["a"], "query": {"q": "1"}, "protocol": "HTTP/1.1",
                           "headers": {"X": "y"}, "data": "data"}
    assert mine["all of it"] == {"protocol": "HTTP/1.1", "status": 404, "headers": {"X": "y"}, "data": "data"}
    assert mine["apart"] is True
    assert mine["builtin"] is True


# ---- what must not end it


def test_exceptions(server):
    with server.client() as client:
        zero = client.get("/zero")
        assert (zero.status_code, zero.text, zero.headers["X-Kept"]) == (500, "divide by zero", "1")
        missing = client.get("/missing")
        assert (missing.status_code, "ENOENT" in missing.text) == (500, True)
        assert (client.request("RAISE", "/").status_code, client.request("RAISE", "/").text) == (500, "raised by hand")
        assert client.get("/field").status_code == 500
        assert client.get("/data/nothing").status_code == 500
        assert client.get("/status/200").status_code == 200
    server.wait_for("ZeroDivisionError: divide by zero\n")


def test_clients_that_vanish(server):
    vanish(server, b"", b"GET /none", b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
           b"GET /static/image.png?base= HTTP/1.1\r\nHost: x\r\n\r\n")
    assert server.get("/status/204").status_code == 204


def test_twenty_at_once(server):
    statuses = targets.at_once(20, lambda: server.get("/data/bytes").status_code)
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 16


def test_blocking(server):
    """Last: it ends the program."""
    assert server.get("/stop").text == "stopped"
    for _ in range(100):
        try:
            about = server.get("/about").json()
            break
        except (http.client.HTTPException, OSError, targets.httpx.HTTPError):
            time.sleep(0.1)
    else:
        raise AssertionError(server.console)
    assert about["args"] == ["again", []]
    assert server.get("/stop").text == "stopped"
    server.wait_for("start() returned 80\n")
    assert server.finish() == 0
