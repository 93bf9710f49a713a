"""ahttpserver: the README's programs, its demo, and a program that uses every name of it."""

import json
import time

import pytest

import target as targets
from clients import end_early, get, is_memory_lost, lasts, post, send

INDEX = ("<h1>Grüße</h1>\n" + "x" * 3000).encode()
FILES = {"index.html": INDEX, "empty.txt": b""}

APP = r'''
import gc
import uasyncio as asyncio
import json
import ahttpserver
from ahttpserver import HTTPResponse, HTTPServer, sendfile
from ahttpserver.response import reason
from ahttpserver.server import HTTPServerError
from ahttpserver.sse import EventSource
from ahttpserver.url import HTTPRequest, InvalidRequest, query

app = HTTPServer("0.0.0.0", 80, 5, 3)
failures = []

def error(function, *args):
    try:
        function(*args)
    except Exception as exc:
        return type(exc).__name__

async def say(writer, value, **options):
    await HTTPResponse(200, "application/json", **options).send(writer)
    writer.write(json.dumps(value))

@app.route()
async def root(reader, writer, request):
    await say(writer, "root", close=False)

@app.route("GET", "/about")
async def about(reader, writer, request):
    header = request.header
    await say(writer, {
        "method": request.method, "url": request.url, "path": request.path, "query": request.query,
        "parameters": request.parameters, "version": request.version,
        "header": [str(header[b"X-One"]), str(header[b"x-ONE"]), b"X-one" in header, b"X-Two" in header,
                   header.get(b"X-Two"), str(header.get(b"x-one", 1)), error(header.__getitem__, b"X-Two"),
                   isinstance(header, dict), sorted(str(name) for name in header if name[:1] == b"X")],
        "host": str(header[b"Host"]), "one": reader is writer, "peer": writer.get_extra_info("peername")[0],
        "extra": error(writer.get_extra_info, "socket")})

@app.route("POST", "/about")
async def about_post(reader, writer, request):
    await say(writer, str(request.header[b"X-Latin"]))

@app.route("GET", "/names")
async def names(reader, writer, request):
    plain, full = HTTPResponse(204), HTTPResponse(200, "text/x", False, {"X-A": 1})
    server = HTTPServer()
    line = HTTPRequest(b"GET /page?key1=0.07&key2=0.03&key1=9 HTTP/1.1\r\n")
    await say(writer, {
        "plain": [plain.status, plain.mimetype, plain.close, plain.header],
        "full": [full.status, full.mimetype, full.close, full.header],
        "server": [server.host, server.port, server.backlog, server.timeout],
        "app": [app.host, app.port, app.backlog, app.timeout],
        "duplicate": [error(app.route, "GET", "/names"), error(app.route), issubclass(HTTPServerError, Exception)],
        "decorated": [root.__name__, about.__name__],
        "reason": [reason[200], reason[400], reason[404], reason.get(999, "NA"), ahttpserver.reason is reason],
        "line": [line.method, line.url, line.version, line.path, line.query, line.parameters, line.header],
        "invalid": [error(HTTPRequest, text) for text in (b"GET HTTP/1.1\r\n", b"UNKNOWN / HTTP/1.1\r\n", b"",
                    b"GET / HTTP/1.1 more", b"GET /\xff HTTP/1.1")] + [issubclass(InvalidRequest, Exception)],
        "query": [query(b"GET /page?a=1&b=%20x&a=2&c HTTP/1.1\r\n"), query(b"GET / HTTP/1.1"),
                  query(b"GET /? HTTP/1.1")]})

@app.route("POST", "/read")
async def read(reader, writer, request):
    how = request.parameters["how"]
    if how == "all":
        data = await reader.read()
    elif how == "exactly":
        data = await reader.readexactly(int(request.header[b"content-length"]))
    elif how == "lines":
        data = b""
        while line := await reader.readline():
            data += b"[" + line + b"]"
    elif how == "pieces":
        data = b""
        while piece := await reader.read(7):
            assert len(piece) <= 7
            data += piece
    elif how == "into":
        buffer = bytearray(9)
        data = b""
        while n := await reader.readinto(buffer):
            data += buffer[:n]
    elif how == "short":
        try:
            data = await reader.readexactly(1000)
        except EOFError:
            data = b"EOFError"
    elif how == "count":
        data = 0
        while piece := await reader.read(900):
            data += len(piece)
        data = str(data)
    await HTTPResponse(200, "text/plain; charset=utf-8", close=False).send(writer)
    writer.write(data)

@app.route("POST", "/impatient")
async def impatient(reader, writer, request):
    try:
        while await asyncio.wait_for_ms(reader.read(5000), 200):
            pass
    except asyncio.TimeoutError:
        await say(writer, "too slow")

@app.route("GET", "/answer")
async def answer(reader, writer, request):
    status = int(request.parameters.get("status", "200"))
    close = request.parameters.get("close") == "1"
    length = request.parameters.get("length")
    header = {"X-One": "1", "X-Two": 2}
    if length:
        header["Content-Length"] = length
    await HTTPResponse(status, "text/x-mine", close, header).send(writer)
    writer.write("five ")
    writer.write(bytearray(b"and "))
    await writer.drain()
    await writer.awrite(memoryview(b"five"))

@app.route("GET", "/file")
async def file(reader, writer, request):
    await HTTPResponse(200, "text/html", close=False).send(writer)
    await sendfile(writer, request.query)

@app.route("GET", "/large")
async def large(reader, writer, request):
    await HTTPResponse(200, close=False).send(writer)
    buffer = bytearray(1000)
    for number in range(24):
        buffer[:] = b"%04d" % number * 250
        writer.write(buffer)
    writer.write("")

@app.route("GET", "/events")
async def events(reader, writer, request):
    source = EventSource(reader, writer)
    es = await source
    assert es is source and es.reader is reader and es.writer is writer
    await es.send()
    await es.send("hello")
    await es.send("a\nb\r\nc", 7, "greeting", 1500)
    await es.send(event="x", data="y", retry=1, id="i")

@app.route("GET", "/raw")
async def raw(reader, writer, request):
    writer.write(b"HTTP/1.1 201 Made By Hand\r\n")
    writer.write(b"Connection: close\r\n\r\n")
    await writer.drain()
    for number in range(9):
        writer.write("%03d" % number * 1000)
    await writer.drain()
    writer.close()
    await writer.wait_closed()

@app.route("GET", "/hang-up")
async def hang_up(reader, writer, request):
    writer.close()
    await writer.aclose()

@app.route("GET", "/silent")
async def silent(reader, writer, request):
    pass

@app.route("GET", "/closed")
async def closed(reader, writer, request):
    await HTTPResponse(200).send(writer)
    writer.write("whole" * 2000)
    writer.close()
    await writer.wait_closed()
    await writer.wait_closed()
    writer.write("late")

@app.route("GET", "/raise")
async def fail(reader, writer, request):
    raise ValueError("early")

@app.route("GET", "/raise-late")
async def raise_late(reader, writer, request):
    await say(writer, "as far as it went")
    print(1 / 0)

@app.route("GET", "/cancel")
async def cancel(reader, writer, request):
    raise asyncio.CancelledError

@app.route("GET", "/sleep")
async def sleep(reader, writer, request):
    await asyncio.sleep_ms(300)
    await say(writer, "slept")

@app.route("GET", "/endless")
async def endless(reader, writer, request):
    try:
        await HTTPResponse(200).send(writer)
        while True:
            writer.write("x" * 500)
            await writer.drain()
    finally:
        failures.append("endless has ended")

ticks = 0

async def tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep_ms(20)

@app.route("GET", "/ticks")
async def get_ticks(reader, writer, request):
    await say(writer, ticks)

@app.route("GET", "/nap")
async def nap(reader, writer, request):
    await say(writer, "good night")
    asyncio.sleep(600)

@app.route("GET", "/flood")
async def flood(reader, writer, request):
    source = await EventSource(reader, writer)
    while True:
        asyncio.sleep(600)
        try:
            await source.send("flood" * 1000)
        except OSError:
            break

@app.route("GET", "/with space")
async def with_space(reader, writer, request):
    await say(writer, request.path)

@app.route("GET", "/failures")
async def get_failures(reader, writer, request):
    await say(writer, failures)
    failures.clear()

@app.route("GET", "/free")
async def free(reader, writer, request):
    gc.collect()
    await say(writer, gc.mem_free())

def on_failure(loop, context):
    assert context["message"] == "Task exception wasn't retrieved" and context["future"]
    failures.append(repr(context["exception"]))

loop = asyncio.get_event_loop()
loop.set_exception_handler(on_failure)

async def main():
    await app.stop()
    await app.start()
    print("started", app.port)

loop.create_task(main())
loop.create_task(tick())
loop.run_forever()
'''


@pytest.fixture
def app(program):
    return program(APP, FILES)


def failures(app):
    return json.loads(get(app, "/failures").body)


def eventually(condition, app):
    until = time.monotonic() + app.patience
    while not (value := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return value


# ---- every name


def test_console(app):
    app.wait_for("HTTP server was not started\nHTTP server started on 0.0.0.0:80\nstarted 80\n")


def test_request(app):
    about = json.loads(get(app, "/about?a=1&b=%20&a=2&c", "X-One: 1\r\n").body)
    assert about == {
        "method": "GET", "url": "/about?a=1&b=%20&a=2&c", "path": "/about", "query": "a=1&b=%20&a=2&c",
        "parameters": {"a": "1", "b": "%20", "c": ""}, "version": "1.1", "host": "b'test'", "one": True,
        "peer": about["peer"], "extra": "KeyError",
        "header": ["b'1'", "b'1'", True, False, None, "b'1'", "KeyError", True, ["b'X-One'"]]}
    assert about["peer"].count(".") == 3
    about = json.loads(get(app, "http://there/about", "X-One: 1 \r\nx-one:  2\r\n").body)
    assert (about["url"], about["path"], about["query"], about["parameters"]) == ("/about", "/about", "", {})
    assert about["header"][0] == "b'1, 2'" and about["header"][-1] == ["b'X-One'"]
    assert get(app, "/about?").status == 500, "X-One is missing: KeyError"
    assert failures(app) == ["KeyError(b'X-One',)"]
    with app.wire() as wire:
        wire.send(b"GET /about?a HTTP/1.0\r\nHost: test:8080\r\nX-One:\r\n\r\n")
        about = json.loads(wire.answer().body)
        assert (about["version"], about["host"], about["parameters"]) == ("1.0", "b'test:8080'", {"a": ""})
        assert about["header"][0] == "b''" and about["header"][2]
    with app.wire() as wire:
        wire.send(b"POST /about HTTP/1.1\r\nHost: test\r\nX-Latin: gr\xfc\xdfe\r\nContent-Length: 0\r\n\r\n")
        assert json.loads(wire.answer().body) == r"b'gr\xfc\xdfe'"


def test_names(app):
    names = json.loads(get(app, "/names").body)
    assert names == {
        "plain": [204, None, True, {}], "full": [200, "text/x", False, {"X-A": 1}],
        "server": ["0.0.0.0", 80, 5, 30], "app": ["0.0.0.0", 80, 5, 3],
        "duplicate": ["HTTPServerError", "HTTPServerError", True], "decorated": ["root", "about"],
        "reason": ["OK", "Bad Request", "Not Found", "NA", True],
        "line": ["GET", "/page?key1=0.07&key2=0.03&key1=9", "1.1", "/page", "key1=0.07&key2=0.03&key1=9",
                 {"key1": "0.07", "key2": "0.03"}, {}],
        "invalid": ["InvalidRequest"] * 5 + [True],
        "query": [{"a": "1", "b": "%20x", "c": ""}, {}, {}]}


def test_response(app):
    answer = get(app, "/answer")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"five and five", "text/x-mine")
    assert (answer.headers["X-One"], answer.headers["X-Two"]) == ("1", "2")
    assert "close" not in str(answer.headers["Connection"])
    assert get(app, "/answer?close=1").headers["Connection"] == "close"
    assert get(app, "/answer?status=418").status == 418
    answer = get(app, "/answer?length=13")
    assert (answer.headers["Content-Length"], answer.body) == ("13", b"five and five")
    assert get(app, "/answer?status=204").body == b""
    answer = get(app, "/answer", method="HEAD")
    assert (answer.status, answer.body, answer.headers["X-One"]) == (200, b"", "1")


def test_connections_last_unless_closed(app):
    assert lasts(app, "/", "/answer", "/nowhere", "/large", "/silent", "/answer?close=1")


def test_no_route(app):
    assert get(app, "/nowhere").status == 404
    assert get(app, "/", method="DELETE").status == 404
    answer = get(app, "/", method="PURGE")
    assert answer.status == 400 and b"PURGE" in answer.body
    assert json.loads(get(app, "/with%20space").body) == "/with%20space"
    assert get(app, "/%ff").status in (400, 404)
    assert json.loads(get(app, "/").body) == "root"


def test_files(app):
    assert get(app, "/file?index.html").body == INDEX
    assert get(app, "/file?empty.txt").body == b""
    assert get(app, "/file?none.txt").body == b""
    assert "OSError" in failures(app)[0]


def test_bodies(app):
    text = "Grüße\n\nzweite Zeile ✓\nEnde".encode()
    for how in ("all", "exactly", "pieces", "into"):
        assert post(app, "/read?how=" + how, text).body == text
        assert post(app, "/read?how=" + how, text[:3], text[3:20], text[20:]).body == text
        assert post(app, "/read?how=" + how).body == b""
    lines = b"".join(b"[" + line + b"]" for line in text.splitlines(keepends=True))
    assert post(app, "/read?how=lines", text[:9], text[9:]).body == lines
    assert post(app, "/read?how=short", text).body == b"EOFError"
    with app.client() as client:
        answer = client.post("/read?how=all", content=iter([b"one ", b"two ", b"x" * 2000]))
        assert answer.text == "one two " + "x" * 2000, "chunked"


def test_a_body_beyond_memory_comes_while_others_are_served(app):
    """20 kB are not gathered: the handler pulls them, in its task."""
    pieces = [b"y" * 4000] * 5
    with app.wire() as wire:
        wire.send(b"POST /read?how=count HTTP/1.1\r\nHost: test\r\nContent-Length: 20000\r\n\r\n")
        for piece in pieces:
            assert json.loads(get(app, "/").body) == "root"
            wire.send(piece)
        assert wire.answer().body == b"20000"
    assert failures(app) == []


def test_a_body_beyond_memory_that_does_not_come(app):
    with app.wire() as wire:
        wire.send(b"POST /impatient HTTP/1.1\r\nHost: test\r\nContent-Length: 20000\r\n\r\nx")
        assert json.loads(wire.answer().body) == "too slow"
    with app.wire() as wire:
        wire.send(b"POST /read?how=count HTTP/1.1\r\nHost: test\r\nContent-Length: 20000\r\n\r\nx")
        assert json.loads(get(app, "/").body) == "root"
        assert wire.answer().status == 408, "after the timeout of three seconds"
    with app.wire() as wire:
        wire.send(b"POST /read?how=count HTTP/1.1\r\nHost: test\r\nContent-Length: 20000\r\n\r\nx")
        get(app, "/")
        wire.vanish()
    assert json.loads(get(app, "/").body) == "root"
    assert failures(app) == []


def test_large_answer_without_drain(app):
    assert get(app, "/large").body == b"".join(b"%04d" % number * 250 for number in range(24))


def test_events(app):
    answer = get(app, "/events")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.body.decode() == (
        "data: :\n\n"
        "data: hello\n\n"
        "id: 7\nevent: greeting\nretry: 1500\ndata: a\ndata: b\ndata: c\n\n"
        "id: i\nevent: x\nretry: 1\ndata: y\n\n")


def test_raw(app):
    head, body = app.exchange(b"GET /raw HTTP/1.1\r\nHost: test\r\n\r\n").split(b"\r\n\r\n")
    assert head == b"HTTP/1.1 201 Made By Hand\r\nConnection: close"
    assert body == b"".join(b"%03d" % number * 1000 for number in range(9))
    with app.wire() as wire:
        wire.get("/hang-up")
        assert wire.is_over()


def test_silent_and_closed(app):
    assert (get(app, "/silent").status, get(app, "/silent").body) == (200, b"")
    assert get(app, "/closed").body == b"whole" * 2000
    assert failures(app) == ["OSError(9,)"], "written to after wait_closed()"


# ---- what breaks others


def test_exceptions(app):
    assert get(app, "/raise").status == 500
    assert get(app, "/raise-late").body == b'"as far as it went"'
    assert failures(app) == ["ValueError('early',)", "ZeroDivisionError('divide by zero',)"]
    assert get(app, "/cancel").status == 503
    assert get(app, "/").status == 200


def test_a_head_in_pieces(app):
    with app.wire() as wire:
        send(wire, b"\r\nGET /about?", b"x HTTP/1.1\r\nHost: t", b"est\r\nX-One: 3\r\n", b"\r\n")
        assert json.loads(wire.answer().body)["parameters"] == {"x": ""}


def test_empty_connections(app):
    end_early(app)
    assert get(app, "/").status == 200


def test_twenty_at_once(app):
    assert targets.at_once(20, lambda: get(app, "/sleep").body) == [b'"slept"'] * 20


def test_a_client_that_vanishes(app):
    for end in ("vanish", "end"):
        wire = app.wire()
        wire.get("/endless")
        assert wire.socket.recv(1000)
        getattr(wire, end)()
        if end == "end":
            time.sleep(0.2)
            wire.socket.close()
        assert eventually(lambda: failures(app), app) == ["endless has ended"]
    assert get(app, "/").status == 200


def test_a_sleep_that_is_not_awaited_delays_no_other_task(app):
    def ticks():
        return json.loads(get(app, "/ticks").body)

    floods = [app.wire() for _ in range(3)]
    for wire in floods:
        wire.get("/flood")
        wire.read_until(b"flood")
    time.sleep(1.5)  # until they wait for their clients
    before = ticks()
    assert eventually(lambda: ticks() > before + 10, app)
    for wire in floods:
        wire.vanish()
    get(app, "/nap")
    time.sleep(0.3)
    before = ticks()
    assert eventually(lambda: ticks() > before + 10, app)


def test_memory_stays(app):
    def rounds():
        for path in ("/", "/about", "/raise", "/events", "/answer", "/file?index.html", "/nowhere"):
            get(app, path, "X-One: 1\r\n")
        failures(app)
        return json.loads(get(app, "/free").body)

    assert not is_memory_lost(rounds)


# ---- the programs


def test_readme(program, programs):
    app = program(programs / "erikdelange/readme.py", FILES)
    for _ in range(2):
        answer = get(app, "/")
        assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, "text/html", INDEX)
        assert answer.headers["Connection"] == "close"
    assert get(app, "/other").status == 404


def test_greetings_flood_and_others_are_served(program, programs):
    app = program(programs / "erikdelange/greeting.py", FILES)

    def free():
        return int(get(app, "/api/free").body)

    def flood():
        wires = [app.wire() for _ in range(3)]
        for wire in wires:
            wire.get("/api/greeting")
        for wire in wires[:2]:
            assert wire.socket.recv(10)  # and no more: the window shuts, and nothing may grow in the server
        wires[2].read_until(b"event: greeting\ndata: hello\n\n", 50)
        assert get(app, "/").body == INDEX
        during = free()
        for wire in wires:
            wire.vanish()
        return during

    before = free()
    assert before - flood() < 12000
    before = eventually(lambda: (now := free()) > before - 5000 and now, app)
    for _ in range(2):
        flood()
        assert eventually(lambda: before - free() < 2500, app)


def test_demo(program, programs):
    app = program(programs / "erikdelange/ademo.py", FILES)
    clock = app.wire()
    clock.get("/api/time")
    assert get(app, "/").body == INDEX
    app.wait_for("root: divide by zero\n")
    assert set(json.loads(get(app, "/api/date").body)) == {"year", "month", "day"}
    app.wait_for("uncaught: ZeroDivisionError('divide by zero',)\n")
    clock.read_until(b"event: time\ndata: ", 3)
    clock.vanish()
    app.wait_for("time: the client is gone\n")
    answer = get(app, "/api/stop")
    assert (answer.status, answer.body) == (200, b"stopping")
    app.wait_for("HTTP server stopped\n")
    assert app.finish() == 0


def test_stops_and_starts_again(start):
    program = start('''
import asyncio
import socket
from ahttpserver import HTTPResponse, HTTPServer

app = HTTPServer(timeout=None)
task = None

@app.route("GET", "/stop")
async def stop(reader, writer, request):
    await HTTPResponse(200).send(writer)
    await app.stop()
    writer.write("stopped")

async def main():
    other = socket.socket()
    other.bind(("0.0.0.0", 80))
    other.listen(1)
    try:
        await app.start()
    except OSError as exc:
        print("in use:", exc.errno)
    other.close()
    for turn in range(3):
        await app.start()
        print("turn", turn)
        while app._app.port:
            await asyncio.sleep_ms(20)
    await app.stop()
    await asyncio.sleep(1)

asyncio.run(main())
''')
    program.wait_for("in use: ")
    for turn in range(3):
        program.wait_for(f"turn {turn}\n")
        assert program.get("/stop").text == "stopped"
    program.wait_for("HTTP server was not started\n")
    assert program.finish() == 0
