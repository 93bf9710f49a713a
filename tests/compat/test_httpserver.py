"""httpserver: the demo, and a program that uses every name of it."""

import json
import time

import pytest

import target as targets
from clients import end_early, get, is_memory_lost, lasts, post, send

INDEX = ("<h1>Grüße</h1>\n" + "x" * 3000).encode()
FILES = {"index.html": INDEX, "empty.txt": b""}

APP = r'''
import gc
import json
import httpserver
from machine import Timer
from httpserver import CONNECTION_CLOSE, CONNECTION_KEEP_ALIVE, HTTPResponse, HTTPServer, sendfile
from httpserver.response import reason
from httpserver.server import HTTPServerError
from httpserver.sse import EventSource
from httpserver.url import HTTPRequest, InvalidRequest, query

app = HTTPServer("0.0.0.0", 80, 5, 3)
kept = []
timer = Timer()

def error(function, *args):
    try:
        function(*args)
    except Exception as exc:
        return type(exc).__name__

def say(conn, value, **options):
    HTTPResponse(200, "application/json", **options).send(conn)
    conn.write(json.dumps(value))

@app.route()
def root(conn, request):
    say(conn, "root", close=False)

@app.route("GET", "/about")
def about(conn, request):
    header = request.header
    say(conn, {
        "method": request.method, "url": request.url, "path": request.path, "query": request.query,
        "parameters": request.parameters, "version": request.version,
        "header": [str(header[b"X-One"]), str(header[b"x-ONE"]), b"X-one" in header, b"X-Two" in header,
                   header.get(b"X-Two"), error(header.__getitem__, b"X-Two"), isinstance(header, dict)],
        "host": str(header[b"Host"])})

@app.route("GET", "/names")
def names(conn, request):
    plain, full = HTTPResponse(204), HTTPResponse(200, "text/x", False, {"X-A": 1})
    server = HTTPServer()
    line = HTTPRequest(b"GET /page?key1=0.07&key2=0.03&key1=9 HTTP/1.1\r\n")
    say(conn, {
        "plain": [plain.status, plain.mimetype, plain.close, plain.header],
        "full": [full.status, full.mimetype, full.close, full.header],
        "server": [server.host, server.port, server.backlog, server.timeout],
        "app": [app.host, app.port, app.backlog, app.timeout],
        "duplicate": [error(app.route, "GET", "/names"), error(app.route), issubclass(HTTPServerError, Exception)],
        "decorated": [root.__name__, about.__name__],
        "reason": [reason[200], reason[404], httpserver.reason is reason],
        "line": [line.method, line.url, line.version, line.path, line.query, line.parameters, line.header],
        "invalid": [error(HTTPRequest, b"GET HTTP/1.1\r\n"), issubclass(InvalidRequest, Exception)],
        "query": query(b"GET /page?a=1&b=%20x&a=2&c HTTP/1.1\r\n"),
        "constants": [CONNECTION_CLOSE, CONNECTION_KEEP_ALIVE]})

@app.route("POST", "/read")
def read(conn, request):
    how = request.parameters["how"]
    length = int(request.header.get(b"Content-Length", b"0"))
    if how == "length":
        data = conn.read(length)
    elif how == "all":
        data = conn.read()
    elif how == "recv":
        data = b""
        while len(data) < length:
            data += conn.recv(length - len(data))
    elif how == "lines":
        data = b""
        while line := conn.readline():
            data += b"[" + line + b"]"
    elif how == "into":
        buffer = bytearray(9)
        data = b""
        while n := conn.readinto(buffer):
            data += buffer[:n]
    HTTPResponse(200, "text/plain; charset=utf-8", close=False).send(conn)
    conn.write(data)

@app.route("GET", "/answer")
def answer(conn, request):
    status = int(request.parameters.get("status", "200"))
    close = request.parameters.get("close") == "1"
    HTTPResponse(status, "text/x-mine", close, {"X-One": "1", "X-Two": 2}).send(conn)
    conn.write("five ")
    conn.send(bytearray(b"and "))
    conn.sendall(memoryview(b"five"))
    return CONNECTION_CLOSE

@app.route("GET", "/file")
def file(conn, request):
    HTTPResponse(200, "text/html").send(conn)
    sendfile(conn, request.query)

@app.route("GET", "/large")
def large(conn, request):
    conn.settimeout(5)
    HTTPResponse(200, close=False).send(conn)
    for number in range(40):
        conn.write("%04d" % number * 250)

@app.route("GET", "/events")
def events(conn, request):
    es = EventSource(conn)
    assert es.conn is conn
    es.send()
    es.send("hello")
    es.send("a\nb\r\nc", 7, "greeting", 1500)

@app.route("GET", "/subscribe")
def subscribe(conn, request):
    kept.append((conn, EventSource(conn)))
    return CONNECTION_KEEP_ALIVE

@app.route("GET", "/publish")
def publish(conn, request):
    lost = 0
    for entry in list(kept):
        try:
            entry[1].send(request.query)
        except OSError:
            entry[0].close()
            kept.remove(entry)
            lost += 1
    say(conn, [len(kept), lost])

@app.route("GET", "/dismiss")
def dismiss(conn, request):
    while kept:
        kept.pop()[0].close()
    say(conn, "dismissed")

def tick(timer):
    for conn, source in kept:
        source.send(event="tick")

@app.route("GET", "/timer")
def start_timer(conn, request):
    if request.query == "start":
        timer.init(period=100, mode=Timer.PERIODIC, callback=tick)
    else:
        timer.deinit()
    say(conn, request.query)

@app.route("GET", "/later")
def later(conn, request):
    kept.append((conn, request))
    return CONNECTION_KEEP_ALIVE

@app.route("GET", "/now")
def now(conn, request):
    waiting, asked = kept.pop()
    say(waiting, "later " + asked.path, close=False)
    waiting.close()
    waiting.close()
    say(conn, "now")

@app.route("GET", "/raw")
def raw(conn, request):
    conn.write(b"HTTP/1.1 201 Made By Hand\r\n")
    conn.write(b"Connection: close\r\n\r\n")
    conn.write("by hand")

@app.route("GET", "/raw-kept")
def raw_kept(conn, request):
    conn.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    kept.append((conn, conn))
    return CONNECTION_KEEP_ALIVE

@app.route("GET", "/silent")
def silent(conn, request):
    pass

@app.route("GET", "/hang-up")
def hang_up(conn, request):
    conn.close()

@app.route("GET", "/raise")
def fail(conn, request):
    raise ValueError("early")

@app.route("GET", "/raise-late")
def raise_late(conn, request):
    say(conn, "as far as it went")
    print(1 / 0)

@app.route("GET", "/raise-hung-up")
def raise_hung_up(conn, request):
    conn.close()
    conn.write("late")

@app.route("GET", "/endless")
def endless(conn, request):
    try:
        HTTPResponse(200).send(conn)
        while True:
            conn.write("x" * 500)
    finally:
        print("endless has ended")

@app.route("GET", "/free")
def free(conn, request):
    gc.collect()
    say(conn, gc.mem_free())

@app.route("GET", "/stop")
def stop(conn, request):
    say(conn, app.stop())

@app.route("GET", "/interrupt")
def interrupt(conn, request):
    raise KeyboardInterrupt

for turn in range(3):
    print("turn", turn)
    app.start()
    print("returned", turn)
'''


@pytest.fixture
def app(program):
    return program(APP, FILES)


# ---- every name


def test_request(app):
    app.wait_for("turn 0\n")
    app.wait_for("HTTP server started on 0.0.0.0:80\n")
    assert json.loads(get(app, "/about?a=1&b=%20&a=2&c", "X-One: 1\r\n").body) == {
        "method": "GET", "url": "/about?a=1&b=%20&a=2&c", "path": "/about", "query": "a=1&b=%20&a=2&c",
        "parameters": {"a": "1", "b": "%20", "c": ""}, "version": "1.1", "host": "b'test'",
        "header": ["b'1'", "b'1'", True, False, None, "KeyError", True]}
    with app.wire() as wire:
        wire.send(b"GET /about?a HTTP/1.0\r\nHost: test:8080\r\nX-One:\r\n\r\n")
        about = json.loads(wire.answer().body)
        assert (about["version"], about["host"], about["parameters"]) == ("1.0", "b'test:8080'", {"a": ""})


def test_names(app):
    assert json.loads(get(app, "/names").body) == {
        "plain": [204, None, True, {}], "full": [200, "text/x", False, {"X-A": 1}],
        "server": ["0.0.0.0", 80, 5, 30], "app": ["0.0.0.0", 80, 5, 3],
        "duplicate": ["HTTPServerError", "HTTPServerError", True], "decorated": ["root", "about"],
        "reason": ["OK", "Not Found", True],
        "line": ["GET", "/page?key1=0.07&key2=0.03&key1=9", "1.1", "/page", "key1=0.07&key2=0.03&key1=9",
                 {"key1": "0.07", "key2": "0.03"}, {}],
        "invalid": ["InvalidRequest", True], "query": {"a": "1", "b": "%20x", "c": ""}, "constants": [0, 1]}


def test_response(app):
    answer = get(app, "/answer")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"five and five", "text/x-mine")
    assert (answer.headers["X-One"], answer.headers["X-Two"]) == ("1", "2")
    assert "close" not in str(answer.headers["Connection"])
    assert get(app, "/answer?close=1").headers["Connection"] == "close"
    assert get(app, "/answer?status=418").status == 418
    answer = get(app, "/answer", method="HEAD")
    assert (answer.status, answer.body, answer.headers["X-One"]) == (200, b"", "1")
    assert lasts(app, "/", "/answer", "/nowhere", "/large", "/silent", "/answer?close=1")


def test_no_route(app):
    assert get(app, "/nowhere").status == 404
    assert get(app, "/", method="DELETE").status == 404
    answer = get(app, "/", method="PURGE")
    assert answer.status == 400 and b"PURGE" in answer.body


def test_files_and_large_answers(app):
    assert get(app, "/file?index.html").body == INDEX
    assert get(app, "/file?empty.txt").body == b""
    assert get(app, "/file?none.txt").body == b""
    assert get(app, "/large").body == b"".join(b"%04d" % number * 250 for number in range(40))


def test_bodies(app):
    text = "Grüße\n\nzweite Zeile ✓\nEnde".encode()
    for how in ("length", "all", "recv", "into"):
        assert post(app, "/read?how=" + how, text).body == text
        assert post(app, "/read?how=" + how, text[:3], text[3:]).body == text
        assert post(app, "/read?how=" + how).body == b""
    lines = b"".join(b"[" + line + b"]" for line in text.splitlines(keepends=True))
    assert post(app, "/read?how=lines", text[:9], text[9:]).body == lines
    assert post(app, "/read?how=length", b"z" * 9000).body == b"z" * 9000


def test_events(app):
    answer = get(app, "/events")
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("text/event-stream", "no-cache")
    assert answer.body.decode() == (
        "data: :\n\ndata: hello\n\n" "id: 7\nevent: greeting\nretry: 1500\ndata: a\ndata: b\ndata: c\n\n")


# ---- connections that the program keeps


def test_kept_connections(app):
    with app.wire() as one, app.wire() as two:
        for wire in (one, two):
            wire.get("/subscribe")
            wire.read_until(b"text/event-stream")
        assert json.loads(get(app, "/publish?first").body) == [2, 0]
        for wire in (one, two):
            wire.read_until(b"data: first\n\n")
        two.vanish()
        until = time.monotonic() + app.patience
        while json.loads(get(app, "/publish?more").body)[0] == 2 and time.monotonic() < until:
            time.sleep(0.1)
        one.read_until(b"data: more\n\n")
        assert json.loads(get(app, "/dismiss").body) == "dismissed"
        one.read_until(b"0\r\n\r\n")
        one.get("/")
        assert one.answer().body == b'"root"', "ended in good order, the connection goes on"


def test_kept_connections_are_given_back(app):
    """More of them than there are connections, one after the other."""
    for number in range(20):
        with app.wire() as wire:
            wire.get("/subscribe")
            wire.read_until(b"text/event-stream")
            if number % 2:
                get(app, "/dismiss")
                wire.read_until(b"0\r\n\r\n")
            else:
                wire.vanish()
                until = time.monotonic() + app.patience
                while json.loads(get(app, "/publish?x").body)[0] and time.monotonic() < until:
                    time.sleep(0.1)


def test_kept_connection_and_a_timer(app):
    with app.wire() as wire:
        wire.get("/subscribe")
        wire.read_until(b"text/event-stream")
        get(app, "/timer?start")
        for _ in range(3):
            wire.read_until(b"event: tick\ndata: :\n\n")
        get(app, "/timer?end")
        get(app, "/dismiss")


def test_answer_that_comes_later(app):
    with app.wire() as wire:
        wire.get("/later?x")
        until = time.monotonic() + app.patience
        while (answer := get(app, "/now")).status != 200 and time.monotonic() < until:
            time.sleep(0.1)
        assert answer.body == b'"now"'
        assert wire.answer().body == b'"later /later"'
        wire.get("/")
        assert wire.answer().body == b'"root"'


def test_raw(app):
    assert app.exchange(b"GET /raw HTTP/1.1\r\nHost: test\r\n\r\n") == (
        b"HTTP/1.1 201 Made By Hand\r\nConnection: close\r\n\r\nby hand")
    with app.wire() as wire:
        wire.get("/raw-kept")
        wire.read_until(b"\r\n\r\n")
        get(app, "/dismiss")
        assert wire.is_over()
    with app.wire() as wire:
        wire.get("/hang-up")
        assert wire.is_over()


# ---- what breaks others


def test_exceptions(app):
    assert get(app, "/raise").status == 500
    app.wait_for("ValueError: early\n")
    assert get(app, "/raise-late").body == b'"as far as it went"'
    app.wait_for("ZeroDivisionError: divide by zero\n")
    with app.wire() as wire:
        wire.get("/raise-hung-up")
        assert wire.is_over()
    assert (get(app, "/silent").status, get(app, "/silent").body) == (200, b"")


def test_empty_connections_and_a_head_in_pieces(app):
    end_early(app)
    with app.wire() as wire:
        send(wire, b"\r\nGET /about?", b"x HTTP/1.1\r\nHost: t", b"est\r\nX-One: 3\r\n", b"\r\n")
        assert json.loads(wire.answer().body)["parameters"] == {"x": ""}


def test_twenty_at_once(app):
    assert targets.at_once(20, lambda: get(app, "/answer").body) == [b"five and five"] * 20


def test_a_client_that_vanishes(app):
    wire = app.wire()
    wire.get("/endless")
    assert wire.socket.recv(1000)
    wire.vanish()
    app.wait_for("endless has ended\n")
    assert get(app, "/").status == 200


def test_memory_stays(app):
    def rounds():
        for path in ("/", "/about", "/raise", "/events", "/answer", "/file?index.html", "/nowhere"):
            get(app, path, "X-One: 1\r\n")
        return json.loads(get(app, "/free").body)

    assert not is_memory_lost(rounds)


def test_stop_and_interrupt(app):
    """The last: the program ends."""
    assert get(app, "/stop").body == b"null"
    app.wait_for("HTTP server stopped\nreturned 0\nturn 1\n")
    assert get(app, "/interrupt").status == 503
    app.wait_for("HTTP server stopped\nreturned 1\nturn 2\n")
    assert get(app, "/").body == b'"root"'
    get(app, "/stop")
    app.wait_for("returned 2\n")
    assert app.finish() == 0


# ---- the demo


def test_demo(program, programs):
    app = program(programs / "erikdelange/demo.py", FILES)
    answer = get(app, "/")
    assert (answer.headers["Connection"], answer.body) == ("close", INDEX)
    app.wait_for("root: divide by zero\n")
    assert set(json.loads(get(app, "/api/date").body)) == {"year", "month", "day"}
    app.wait_for("ZeroDivisionError: divide by zero\n")
    clock = app.wire()
    clock.get("/api/time")
    clock.read_until(b"text/event-stream")
    if app.target != "rp2040":  # the emulator has no second core to run the thread
        for _ in range(3):
            clock.read_until(b"event: time\ndata: ")
            assert get(app, "/").body == INDEX
        clock.vanish()
        app.wait_for("time: the client is gone\n")
    answer = get(app, "/api/stop")
    assert (answer.status, answer.body) == (200, b"stopping")
    app.wait_for("HTTP server stopped\nafter start()\n")
    if app.target == "rp2040":
        clock.vanish()
    assert app.finish() == 0
