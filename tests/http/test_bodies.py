"""Bodies are gathered before a handler is called: slow ones delay nobody, none takes more memory than its share."""

import time

import pytest

import target as targets

APP = """
import gc
import modhttp

app = modhttp.Server(progress_timeout=2, max_body=10000)

@app.get("/")
def index(request):
    return "here"

@app.post("/echo")
def echo(request):
    print("called", request.path)
    return request.body

@app.post("/length")
def length(request):
    return str(len(request.body))

@app.post("/pieces")
def pieces(request):
    first = request.read(10)
    return first + b"|" + request.body

@app.post("/raw")
def raw(request):
    stream = request.detach()
    stream.settimeout(5)
    stream.write(b"got " + stream.read(5000))
    stream.write(b" and " + stream.read(5))
    stream.close()
"""

RUN = "\napp.run(port=80)\n"


def head(path, length=None, fields=""):
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"POST {path} HTTP/1.1\r\nHost: test\r\n{framing}\r\n{fields}\r\n".encode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_handler_is_called_with_the_whole_body(start):
    program = start(APP + RUN)
    with program.wire() as slow, program.wire() as other:
        slow.send(head("/echo", 9000) + b"a" * 4000)
        for _ in range(5):
            other.get("/")
            assert other.answer().body == b"here", "nobody waits for a body that is still coming"
        assert "called" not in program.console
        slow.send(b"b" * 5000)
        assert slow.answer().body == b"a" * 4000 + b"b" * 5000
    program.wait_for("called /echo")


@pytest.mark.parametrize("data", [
    head("/echo", 9000) + b"a" * 100,
    head("/echo") + chunk(b"a" * 5000),
    head("/echo") + chunk(b"a" * 10000),
    head("/echo") + chunk(b"a" * 10000) + b"0\r\nTrailer: x\r\n",
], ids=["sized", "chunked", "chunked-to-the-limit", "chunked-in-its-trailers"])
def test_body_that_stops_coming_is_408_and_reaches_no_handler(start, data):
    program = start(APP + RUN)
    with program.wire() as wire, program.wire() as other:
        wire.send(data)
        other.get("/")
        assert other.answer().body == b"here"
        assert wire.answer().status == 408
        assert wire.rest() == b""
    assert "called" not in program.console


def test_body_that_comes_too_slowly_is_408(start):
    """A byte now and then is no progress: it would hold the connection for hours."""
    program = start(APP + RUN)
    with program.wire() as wire:
        wire.send(head("/echo", 9000))
        sent = 0
        wire.socket.settimeout(0.2)
        while True:
            try:
                if wire.socket.recv(1, 2):  # MSG_PEEK
                    break
            except TimeoutError:
                wire.send(b"x")
                sent += 1
                assert sent < 200 if program.target == "rp2040" else sent < 60
        wire.socket.settimeout(program.patience)
        assert wire.answer().status == 408


def test_streamed_body_that_comes_too_slowly_is_408(start):
    """The handler of a body that is too large to be gathered waits for its client: not for long."""
    program = start(APP + """
@app.post("/count")
def count(request):
    n = 0
    while True:
        piece = request.stream.read(1)
        if not piece:
            return str(n)
        n += 1
""" + RUN)
    with program.wire() as wire:
        wire.send(head("/count", 20000))
        wire.socket.settimeout(0.2)
        for _ in range(200 if program.target == "rp2040" else 60):
            try:
                if wire.socket.recv(1, 2):
                    break
            except TimeoutError:
                wire.send(b"x")
        wire.socket.settimeout(program.patience)
        assert wire.answer().status == 408


def test_rest_that_is_late_for_an_answer_under_way_is_skipped(start):
    """The answer has promised the next: the connection stays open."""
    program = start(APP + """
@app.post("/begun")
def begun(request):
    left = 11000
    while left:
        left -= len(request.stream.read(left))
    request.begin(200, "text/plain")
    try:
        request.stream.read(1)
        request.write("there")
    except modhttp.HTTPError as exc:
        request.write(repr(exc))
    request.end()
""" + RUN)
    with program.wire() as wire:
        wire.send(head("/begun", 12000) + b"x" * 11000)
        answer = wire.answer()
        assert answer.body.startswith(b"HTTPError(408, ")
        assert answer.headers["Connection"] is None
        wire.send(b"x" * 1000)
        wire.get("/")
        assert wire.answer().body == b"here"


CUT = """
@app.post("/pulled")
def pulled(request):
    try:
        while request.stream.read(1000):
            pass
    finally:
        print("left")

@app.post("/async")
async def awaited(request):
    try:
        while await request.reader.read(1000):
            pass
    finally:
        print("left")

@app.post("/own")
def own(request):
    try:
        while request.read(1000):
            pass
    except OSError as exc:
        return "errno %d" % exc.errno
"""


LOOP = """
import asyncio
asyncio.run(app.serve(port=80))
"""


def cut_short(program, path, framing):
    """The answer to a body of which the end is missing, and more than the server gathers is there."""
    with program.wire() as wire:
        wire.send(head(path, framing) + (chunk(b"x" * 9000) + b"2329\r\n" if framing is None else b"") + b"x" * 9000)
        wire.end()
        return wire.answer()


@pytest.mark.parametrize("framing", [20000, None])
@pytest.mark.parametrize("run,path", [(RUN, "/pulled"), (LOOP, "/pulled"), (LOOP, "/async")])
def test_end_within_a_body_is_400(start, run, path, framing):
    """RFC 9112, section 8. The handler has OSError, as when the client is gone, and nothing is amiss on the server."""
    program = start(APP + CUT + run)
    answer = cut_short(program, path, framing)
    assert (answer.status, answer.headers["Connection"]) == (400, "close")
    program.wait_for("left")
    assert "Traceback" not in program.console


def test_handler_may_answer_what_has_ended_within_its_body(start):
    answer = cut_short(start(APP + CUT + RUN), "/own", 20000)
    assert (answer.status, answer.body) == (200, b"errno 104")


def test_reader_without_a_loop(start):
    program = start(APP + CUT + RUN)
    with program.wire() as wire:
        wire.send(head("/async", 20000) + b"x" * 15000)
        assert wire.answer().status == 500
    program.wait_for("TypeError: an async handler needs a loop to run in: await app.serve()")


@pytest.mark.parametrize("size", [0, 1, 3199, 3200, 3201, 6400, 9999, 10000])
@pytest.mark.parametrize("framing", ["sized", "chunked", "small-chunks"])
def test_sizes_up_to_the_limit(start_once, size, framing):
    body = bytes(i * 13 % 251 for i in range(size))
    step = 700 if framing == "small-chunks" else 10000
    chunks = b"".join(chunk(body[i:i + step]) for i in range(0, size, step)) + b"0\r\n\r\n"
    data = head("/echo", size) + body if framing == "sized" else head("/echo") + chunks
    with start_once.wire() as wire:
        wire.send(data)
        assert wire.answer().body == body
        for part in (data[:50], data[50:500], data[500:]):
            wire.send(part)
        wire.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert wire.answer().body == body
        assert wire.answer().body == b"here", "what was pipelined behind it"


@pytest.mark.parametrize("size", [10001, 10002, 16000, 40000])
def test_sizes_over_the_limit(start_once, size):
    for data in (head("/length", size) + b"x" * size, head("/length") + chunk(b"x" * size) + b"0\r\n\r\n"):
        with start_once.wire() as wire:
            wire.send(data)
            assert wire.answer().status == 413
    assert start_once.get("/").text == "here"


def test_malformed_chunk_after_much_of_the_body(start_once):
    with start_once.wire() as wire:
        wire.send(head("/echo") + chunk(b"x" * 7000) + b"oops\r\n")
        assert wire.answer().status == 400
        assert wire.rest() == b""


def test_read_then_body(start_once):
    with start_once.wire() as wire:
        wire.send(head("/pieces", 6000) + b"0123456789" + b"x" * 2990)
        time.sleep(0.1)
        wire.send(b"y" * 3000)
        assert wire.answer().body == b"0123456789|" + b"x" * 2990 + b"y" * 3000


def test_detached_connection_begins_with_the_gathered_body(start_once):
    with start_once.wire() as wire:
        wire.send(head("/raw", 5000) + b"x" * 2000)
        time.sleep(0.1)
        wire.send(b"y" * 3000 + b"after")
        assert wire.rest() == b"got " + b"x" * 2000 + b"y" * 3000 + b" and after"


def test_continue_is_said_when_there_is_memory(start_once):
    with start_once.wire() as wire:
        wire.send(head("/echo", 9000, "Expect: 100-continue\r\n"))
        assert wire.makefile("rb").read(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(b"z" * 9000)
        assert wire.answer().body == b"z" * 9000


def test_many_at_once(start_once):
    """More than there is memory for at one time: each waits for its turn, none is refused."""
    body = b"m" * 9000

    def post():
        with start_once.wire() as wire:
            wire.send(head("/echo", len(body)) + body)
            return wire.answer()

    answers = targets.at_once(16, post)
    assert [answer.status for answer in answers] == [200] * 16
    assert all(answer.body == body for answer in answers)


def test_without_memory_it_is_503(start):
    program = start(APP + """
app.start(port=80)
hoard = []
gc.collect()
size = gc.mem_free() // 2
while size > 4000:
    try:
        hoard.append(bytearray(size))
    except MemoryError:
        size = size * 3 // 4

@app.post("/drop")
def drop(request):
    hoard.clear()
    gc.collect()
    return "dropped"
""" + RUN)
    with program.wire() as wire:
        wire.send(head("/length", 9000) + b"x" * 3000)
        answer = wire.answer()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert wire.rest() == b""
    with program.wire() as wire:
        wire.send(head("/drop", 0))
        assert wire.answer().body == b"dropped"
        wire.send(head("/length", 9000) + b"x" * 9000)
        assert wire.answer().body == b"9000"


@pytest.fixture(scope="module")
def start_once(target, tmp_path_factory):
    """A program of its own that the tests of this file share."""
    with targets.Program(target, APP + RUN, tmp_path_factory.mktemp("bodies")) as program:
        yield program
