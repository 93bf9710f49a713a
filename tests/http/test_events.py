"""Server-Sent Events from Python: what is written, when, and who hears that a client is gone."""

import json
import subprocess
import time

import pytest

ROUTES = '''
import time
import modhttp

app = modhttp.Server(progress_timeout=4)
log = []
asked = 0

@app.get("/")
def index(request):
    return "index"

@app.get("/log")
def get_log(request):
    told = log[:]
    log.clear()
    return told

@app.get("/asked")
def get_asked(request):
    return str(asked)

ITEMS = {
    "text": ["one"],
    "lines": ["a\\nb\\r\\nc\\rd", "", "\\n", "blå"],
    "json": [{"a": 1}, [1, "x\\ny"], 5, True],
    "event": [modhttp.Event("d", event="kind", id=7, retry=1000), modhttp.Event({"x": 1}), modhttp.Event(None, id="")],
    "bad-id": ["fine", modhttp.Event("x", id="a\\nb")],
    "bad-event": ["fine", modhttp.Event("x", event="a\\rb")],
    "bad-nul": ["fine", modhttp.Event("x", id="a\\0b")],
    "bad-item": ["fine", b"bytes"],
    "none": [],
}

@app.get("/items/<name>")
def items(request, name):
    return modhttp.events(ITEMS[name])

@app.get("/retry")
def with_retry(request):
    return modhttp.events(["x"], retry=2500, headers={"X-Own": "1"})

@app.get("/last")
def last(request):
    return modhttp.events([modhttp.Event(str(request.last_event_id), id="å1")])

def ticks():
    global asked
    told = time.ticks_ms()
    number = 0
    try:
        while True:
            asked += 1
            if time.ticks_diff(time.ticks_ms(), told) < 300:
                yield None
            else:
                told = time.ticks_ms()
                number += 1
                yield {"tick": number}
    finally:
        log.append("ticks closed")

@app.get("/ticks")
def get_ticks(request):
    return modhttp.events(ticks())

def silence():
    try:
        while True:
            yield None
    finally:
        log.append("silence closed")

@app.get("/silence")
def get_silence(request):
    return modhttp.events(silence())

def flood():
    global asked
    try:
        for number in range(40000):
            asked += 1
            yield "%04d" % number * 100
    finally:
        log.append("flood closed")

@app.get("/flood")
def get_flood(request):
    return modhttp.events(flood())

'''

ASYNC = ROUTES + '''
import asyncio

async def slow_ticks():
    try:
        yield "begin"
        for number in range(3):
            await asyncio.sleep_ms(100)
            yield {"tick": number}
        await asyncio.sleep(1000)
    finally:
        log.append("slow closed")

@app.get("/slow")
def get_slow(request):
    return modhttp.events(slow_ticks())

@app.get("/slow-async")
async def get_slow_async(request):
    await asyncio.sleep_ms(10)
    return modhttp.events(slow_ticks())

class Iterator:
    def __init__(self):
        self.left = 3

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep_ms(10)
        self.left -= 1
        if self.left < 0:
            raise StopAsyncIteration
        return self.left

@app.get("/iterator")
def get_iterator(request):
    return modhttp.events(Iterator(), retry=1)

'''

WAYS = {
    "run": ROUTES + "app.run(port=80)",
    "poll": ROUTES + "app.start(port=80)\nwhile True:\n    app.poll(1000)",
    "background": ROUTES + "app.start(port=80, background=True)\nwhile True:\n    time.sleep(1)",
    "asyncio": ASYNC + "asyncio.run(app.serve(port=80))",
}


@pytest.fixture(params=WAYS)
def server(request, program):
    running = program(WAYS[request.param])
    running.get("/log")
    return running


@pytest.fixture
def loop(program):
    running = program(WAYS["asyncio"])
    running.get("/log")
    return running


def wait_for(server, text):
    began = time.monotonic()
    while text not in server.get("/log").json():
        assert time.monotonic() - began < server.patience
        time.sleep(0.1)


class Stream:
    def __init__(self, server, path, fields=""):
        self.wire = server.wire()
        self.wire.get(path, fields)
        self.file = self.wire.makefile("rb")
        assert b" 200 " in self.file.readline()
        while self.file.readline() != b"\r\n":
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.wire.socket.close()

    def chunk(self):
        size = int(self.file.readline(), 16)
        data = self.file.read(size)
        assert self.file.readline() == b"\r\n"
        return data

    def rest(self):
        """What comes before the stream is cut short, of which the RST may destroy some."""
        data = b""
        try:
            while True:
                data += self.chunk()
        except (ConnectionResetError, ValueError):
            return data

    def event(self):
        """The next one, which may come in more than one chunk."""
        data = self.chunk()
        while not data.endswith(b"\n\n"):
            data += self.chunk()
        return data.decode()


# ---- what is written


@pytest.mark.parametrize(("name", "body"), [
    ("text", "data: one\n\n"),
    ("lines", "data: a\ndata: b\ndata: c\ndata: d\n\ndata: \n\ndata: \ndata: \n\ndata: blå\n\n"),
    ("json", 'data: {"a": 1}\n\ndata: [1, "x\\ny"]\n\ndata: 5\n\ndata: true\n\n'),
    ("event", 'id: 7\nevent: kind\nretry: 1000\ndata: d\n\ndata: {"x": 1}\n\nid: \n\n'),
    ("none", ""),
])
def test_format(server, name, body):
    answer = server.get("/items/" + name)
    assert answer.text == body
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["bad-id", "bad-event", "bad-nul", "bad-item"])
def test_what_is_no_event_ends_the_stream(server, name):
    before = server.console.count("Traceback")
    with Stream(server, "/items/" + name) as stream:
        assert stream.rest() in (b"data: fine\n\n", b"")
    while server.console.count("Traceback") == before:
        time.sleep(0.05)
    assert server.get("/").text == "index"


def test_retry_and_fields(server):
    answer = server.get("/retry")
    assert (answer.text, answer.headers["x-own"]) == ("retry: 2500\n\ndata: x\n\n", "1")


def test_last_event_id(server):
    assert server.get("/last").text == "id: å1\ndata: None\n\n"
    with server.client() as client:
        assert client.get("/last", headers={"Last-Event-ID": "å1".encode()}).text == "id: å1\ndata: å1\n\n"


def test_head_has_no_events(server):
    with server.wire() as wire:
        wire.send(b"HEAD /silence HTTP/1.1\r\nHost: t\r\n\r\n")
        assert wire.answer("HEAD").headers["content-type"] == "text/event-stream"
        wire.get("/")
        assert wire.answer().body == b"index"


# ---- when


def test_events_as_they_come(server):
    """Nobody waits for them, and nobody is asked all the time."""
    with Stream(server, "/ticks") as stream, Stream(server, "/ticks") as other:
        before = int(server.get("/asked").text)
        began = time.monotonic()
        for number in range(1, 5):
            assert json.loads(stream.event()[6:]) == {"tick": number}
            assert json.loads(other.event()[6:]) == {"tick": number}
            assert server.get("/").text == "index"
        took = time.monotonic() - began
        assert took > 0.6
        asked = int(server.get("/asked").text) - before
        assert asked < 40 + 20 * took
    wait_for(server, "ticks closed")


def test_slow_reader_is_waited_for_alone(server):
    with Stream(server, "/flood") as stream:
        before = -1
        while (asked := int(server.get("/asked").text)) != before:
            before = asked
            time.sleep(0.3)
        assert asked < 40000
        assert server.get("/").text == "index"
        for number in range(40):
            assert stream.event() == "data: " + "%04d" % number * 100 + "\n\n"
    wait_for(server, "flood closed")


@pytest.mark.parametrize("how", ["end", "vanish"])
def test_client_that_is_gone(server, how):
    with Stream(server, "/silence") as stream:
        getattr(stream.wire, how)()
        wait_for(server, "silence closed")
    assert server.get("/").text == "index"


def test_comment_when_nothing_comes(loop):
    with Stream(loop, "/silence") as stream:
        stream.wire.socket.settimeout(60)
        began = time.monotonic()
        assert stream.chunk() == b":\n\n"
        assert time.monotonic() - began > 5
    wait_for(loop, "silence closed")


# ---- in asyncio's loop


@pytest.mark.parametrize("path", ["/slow", "/slow-async"])
@pytest.mark.parametrize("how", ["end", "vanish"])
def test_async_generator(loop, path, how):
    """Its task hears at once when the client is gone, whatever it awaits."""
    with Stream(loop, path) as stream:
        assert stream.event() == "data: begin\n\n"
        for number in range(3):
            assert json.loads(stream.event()[6:]) == {"tick": number}
        assert loop.get("/").text == "index"
        getattr(stream.wire, how)()
        wait_for(loop, "slow closed")


def test_async_iterator(loop):
    assert loop.get("/iterator").text == "retry: 1\n\ndata: 2\n\ndata: 1\n\ndata: 0\n\n"


def test_waiting_without_a_loop(program):
    server = program(ASYNC + "app.run = None\napp.start(port=80)\nwhile True:\n    app.poll(1000)")
    with server.wire() as wire:
        wire.get("/slow")
        server.wait_for("need a loop")
    assert server.get("/").text == "index"


# ---- clients that others wrote


def test_httpx(server):
    with server.client() as client, client.stream("GET", "/ticks") as answer:
        lines = answer.iter_lines()
        for number in range(1, 4):
            assert next(lines) == 'data: {"tick": %d}' % number
            assert next(lines) == ""


def test_curl(server):
    command = ["curl", "-sN", "--max-time", str(server.patience), server.url + "/ticks"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as curl:
        for number in range(1, 4):
            assert json.loads(curl.stdout.readline()[6:]) == {"tick": number}
            assert curl.stdout.readline() == "\n"
        curl.terminate()
