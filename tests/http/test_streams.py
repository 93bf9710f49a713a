"""Bodies and answers larger than memory: files and other streams, in a loop and without one; clients that vanish."""

import asyncio
import json
import threading
import time
import zlib

import httpx
import pytest
from test_files import curl

COMMON = """
import binascii, gc, io, os, sys, time
import modhttp

app = modhttp.Server()
with open("data.bin", "wb") as file:
    for i in range(20):
        file.write(bytes((i + j) % 251 for j in range(1000)))
with open("lines.txt", "w") as file:
    file.write("b\\u00e5t\\n" * 1000)

class Stream:
    "Any object will do that has readinto()."

    def __init__(self, left, lazy=0, error=None):
        self.left = left
        self.lazy = lazy
        self.error = error

    def readinto(self, buffer):
        if self.lazy:
            self.lazy -= 1
            return None
        if self.error and self.left < 5000:
            raise self.error
        n = min(len(buffer), self.left, 700)
        buffer[:n] = b"s" * n
        self.left -= n
        return n

    def close(self):
        print("closed", self.left)

class Endless(Stream):
    def readinto(self, buffer):
        return len(buffer)

    def close(self):
        print("endless closed")

def count(n):
    try:
        for i in range(n):
            yield "%d\\n" % i
    finally:
        print("counted")

@app.get("/")
def index(request):
    return "here"

@app.get("/state")
def state(request):
    gc.collect()
    return {"in": app.stats()["bytes_in"], "open": app.stats()["open"], "memory": gc.mem_alloc()}

@app.get("/file")
def file(request):
    return open("data.bin", "rb")

@app.get("/text")
def text(request):
    return modhttp.Response(open("lines.txt"), 203, {"X-One": "1"}, "text/plain")

@app.get("/bytesio")
def bytesio(request):
    return io.BytesIO(b"in memory")

@app.get("/stream/<int:n>")
def stream(request, n):
    return Stream(n)

@app.get("/length/<int:n>")
def length(request, n):
    return modhttp.Response(Stream(n), headers={"Content-Length": n}, content_type="text/s")

@app.get("/declared/<int:n>")
def declared(request, n):
    return count(1000), 200, {"Content-Length": n}

@app.get("/lazy")
def lazy(request):
    return Stream(1500, lazy=20)

@app.get("/fails")
def fails(request):
    return Stream(20000, error=OSError(5))

@app.get("/endless")
def endless(request):
    return Endless(0)

@app.get("/generator")
def generator(request):
    try:
        while True:
            yield b"g" * 500
    finally:
        print("generator closed")

@app.get("/silent")
def silent(request):
    try:
        yield b"first"
        while True:
            yield b""
    finally:
        print("silent closed")

@app.put("/sum")
def checksum(request):
    buffer = bytearray(1000)
    length = crc = most = 0
    while True:
        n = request.stream.readinto(buffer)
        if not n:
            break
        length += n
        crc = binascii.crc32(memoryview(buffer)[:n], crc)
        if length % 50 == 0:
            gc.collect()
            most = max(most, gc.mem_alloc())
    return {"length": length, "crc": crc, "most": most}
"""

SYNC = COMMON + """
@app.get("/writes")
def writes(request):
    request.begin(200, "text/plain")
    try:
        while True:
            request.write(b"w" * 500)
    except OSError as exc:
        print("lost", exc.errno)
        raise
    finally:
        print("left")

app.run(port=80)
"""

ASYNC = "import asyncio\n" + COMMON + """
go = asyncio.Event()

async def later(n):
    try:
        for i in range(n):
            await asyncio.sleep_ms(1)
            yield "%d\\n" % i
    finally:
        print("later closed")

class Iterator:
    n = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep_ms(1)
        self.n += 1
        if self.n > 100:
            raise StopAsyncIteration
        return "%d\\n" % self.n

@app.get("/later/<int:n>")
async def get_later(request, n):
    for piece in range(n):
        await asyncio.sleep_ms(1)
        yield "%d\\n" % piece

@app.get("/later-response/<int:n>")
async def get_later_response(request, n):
    return modhttp.Response(later(n), 201, {"X-One": "1", "Content-Length": 2 * n}, "text/l")

@app.get("/iterator")
async def get_iterator(request):
    return modhttp.Response(Iterator(), content_type="text/i")

@app.get("/endless-later")
async def endless_later(request):
    try:
        while True:
            await asyncio.sleep_ms(1)
            yield b"a" * 500
    finally:
        print("endless-later closed")

@app.put("/asum")
async def async_checksum(request):
    buffer = bytearray(1000)
    length = crc = most = 0
    reader = request.reader
    while n := await reader.readinto(buffer):
        length += n
        crc = binascii.crc32(memoryview(buffer)[:n], crc)
        gc.collect()
        most = max(most, gc.mem_alloc())
    return {"length": length, "crc": crc, "most": most}

@app.put("/lines")
async def lines(request):
    reader = request.reader
    first = await reader.readexactly(10)
    buffer = bytearray(5)
    found = [first.decode(), (await reader.readline()).decode(), bytes(buffer[:await reader.readinto(buffer)]).decode()]
    while line := await reader.readline():
        found.append(len(line))
    assert await reader.read() == b"" and await reader.read(5) == b"" and await reader.readinto(buffer) == 0
    try:
        await reader.readexactly(1)
    except EOFError:
        found.append("end")
    return found

@app.put("/flash")
async def flash(request):
    "The middle waits until somebody says go."
    buffer = bytearray(4096)
    reader = request.reader
    length = pieces = 0
    memory = []
    with open("upload.bin", "wb") as file:
        while n := await reader.readinto(buffer):
            file.write(memoryview(buffer)[:n])
            length += n
            if length > 100000 and not go.is_set():
                print("paused")
                await go.wait()
            pieces += 1
            if pieces % 16 == 1:
                gc.collect()
                memory.append(gc.mem_alloc())
                memory = [min(memory), max(memory)]
    return {"length": length, "memory": memory}

@app.post("/go")
async def say_go(request):
    go.set()
    return 204

@app.get("/flash")
async def download(request):
    return modhttp.file("upload.bin")

asyncio.run(app.serve(port=80))
"""


PROGRAMS = {"sync": SYNC, "async": ASYNC}


@pytest.fixture(params=PROGRAMS)
def server(request, program):
    return program(PROGRAMS[request.param])


@pytest.fixture
def loop_server(program):
    return program(ASYNC)


FILE = b"".join(bytes((i + j) % 251 for j in range(1000)) for i in range(20))
COUNTED = "".join(f"{i}\n" for i in range(1000))


# ---- answers


@pytest.mark.parametrize("path, status, kind, body", [
    ("/file", 200, "application/octet-stream", FILE),
    ("/text", 203, "text/plain", "b\u00e5t\n".encode() * 1000),
    ("/bytesio", 200, "application/octet-stream", b"in memory"),
    ("/stream/0", 200, "application/octet-stream", b""),
    ("/stream/1", 200, "application/octet-stream", b"s"),
    ("/stream/30000", 200, "application/octet-stream", b"s" * 30000),
    ("/lazy", 200, "application/octet-stream", b"s" * 1500),
])
def test_streams_in_chunks(server, path, status, kind, body):
    with server.client() as client:
        for _ in range(2):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (status, kind, body)
            assert answer.headers["Transfer-Encoding"] == "chunked"
        assert client.head(path).content == b""
        assert client.get("/").text == "here"


def test_streams_of_known_length(server):
    with server.client() as client:
        for n in (0, 1, 5000):
            answer = client.get(f"/length/{n}")
            assert (answer.content, answer.headers["Content-Type"]) == (b"s" * n, "text/s")
            assert answer.headers["Content-Length"] == str(n)
            assert "Transfer-Encoding" not in answer.headers
        answer = client.get(f"/declared/{len(COUNTED)}")
        assert (answer.text, answer.headers["Content-Length"]) == (COUNTED, str(len(COUNTED)))
        assert client.head("/length/5000").headers["Content-Length"] == "5000"
    server.wait_for("closed 5000")  # HEAD wants none of it


def test_less_than_promised_and_errors_cut_the_answer_short(server):
    for path in (f"/declared/{len(COUNTED) + 1}", "/fails"):
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            server.get(path)
    assert server.get("/").text == "here"


def test_curl(server, tmp_path):
    assert curl(server, tmp_path, "/file", "-o", "file") == "200"
    assert (tmp_path / "file").read_bytes() == FILE
    assert curl(server, tmp_path, "/sum", "-T", "file", "-o", "sum") == "200"
    assert json.loads((tmp_path / "sum").read_text())["crc"] == zlib.crc32(FILE)


@pytest.mark.parametrize("mode, path, how", [
    *[(mode, path, how) for mode in PROGRAMS for path in ("/endless", "/generator") for how in ("vanish", "close")],
    ("sync", "/silent", "vanish"), ("async", "/silent", "vanish"), ("sync", "/writes", "vanish"),
    ("sync", "/writes", "close"), ("async", "/endless-later", "vanish"), ("async", "/endless-later", "close"),
])
def test_client_that_is_lost(program, mode, path, how):
    """What gave the answer hears of it, and lets go of what it has."""
    running = program(PROGRAMS[mode])
    words = {"/writes": "left\n"}.get(path, f"{path[1:]} closed\n")
    before = running.console.count(words)
    with running.wire() as wire:
        wire.get(path)
        assert wire.socket.recv(100)
        if path != "/writes":  # which waits for its client, and lets others wait
            assert running.get("/").text == "here"
        wire.vanish() if how == "vanish" else wire.socket.close()
    deadline = time.monotonic() + running.patience
    while running.console.count(words) == before:
        assert time.monotonic() < deadline, running.console
        time.sleep(0.05)
    if path == "/writes":
        assert "lost 104" in running.console
    while json.loads(running.get("/state").content)["open"] > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_slow_readers_hold_nobody_up(server):
    """Four that do not read, each of a body without end."""
    wires = []
    try:
        for path in ("/endless", "/generator", "/endless", "/generator"):
            wires.append(server.wire())
            wires[-1].get(path)
            assert wires[-1].socket.recv(10)
        with server.client() as client:
            for _ in range(5):
                assert client.get("/").text == "here"
                assert client.get("/stream/3000").content == b"s" * 3000
    finally:
        for wire in wires:
            wire.vanish()


def test_head_lets_go_too(loop_server):
    """A handler that would never end is left after its first piece, which nobody gets."""
    before = loop_server.console.count("endless-later closed")
    with loop_server.client() as client:
        assert client.head("/endless-later").status_code == 200
        assert client.get("/").text == "here"
    assert loop_server.console.count("endless-later closed") == before + 1


@pytest.mark.parametrize("path, status, kind, length, body", [
    ("/later/50", 200, "application/octet-stream", None, COUNTED[:140]),
    ("/later-response/5", 201, "text/l", "10", COUNTED[:10]),
    ("/iterator", 200, "text/i", None, "".join(f"{i}\n" for i in range(1, 101))),
])
def test_async_answers(loop_server, path, status, kind, length, body):
    with loop_server.client() as client:
        for _ in range(2):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["Content-Type"], answer.text) == (status, kind, body)
            assert answer.headers.get("Content-Length") == length
        assert client.head(path).status_code == status


def test_an_async_iterator_needs_a_loop(start):
    program = start("""
import modhttp
app = modhttp.Server()
class Iterator:
    def __aiter__(self):
        return self
@app.get("/")
def index(request):
    return modhttp.Response(Iterator())
app.start(port=80)
while True:
    app.poll(-1)
""")
    assert program.get("/").status_code == 500
    program.wait_for("TypeError: an async iterator needs a loop to run in: await app.serve()")


# ---- bodies

SIZE = 300_000  # more than the heap of a board


def pattern(size, step=3000):
    for at in range(0, size, step):
        yield bytes(i * 7 % 256 for i in range(at, min(at + step, size)))


@pytest.mark.parametrize("framing", ["sized", "chunked"])
@pytest.mark.parametrize("path", ["/sum", "/asum"])
def test_body_larger_than_memory(loop_server, path, framing):
    whole = b"".join(pattern(SIZE))
    with loop_server.client() as client:
        idle = client.get("/state").json()["memory"]
        answer = client.put(path, content=pattern(SIZE) if framing == "chunked" else whole).json()
        assert (answer["length"], answer["crc"]) == (SIZE, zlib.crc32(whole))
        assert answer["most"] < idle + 20000
        assert client.get("/").text == "here"


def test_reader(loop_server):
    body = b"0123456789rest of line\nabcdefgh\n" + b"x" * 1000 + b"\n" + b"y" * 20000 + b"\nend"
    with loop_server.client() as client:
        answer = client.put("/lines", content=body).json()
        assert answer == ["0123456789", "rest of line\n", "abcde", 4, 1001, 20001, 3, "end"]


def test_slow_senders_hold_nobody_up(loop_server):
    """In a loop, a body that comes slowly is waited for by its own handler alone; and not for ever."""
    with loop_server.wire() as wire:
        wire.send(b"PUT /asum HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + b"x" * 20000)
        for _ in range(5):
            assert loop_server.get("/").text == "here"
        wire.send(b"x" * 30000)
        assert json.loads(wire.answer().body)["length"] == 50000
    with loop_server.wire() as wire:
        wire.send(b"PUT /asum HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + b"x" * 20000)
        assert loop_server.get("/").text == "here"
        assert wire.answer().status == 408


def test_sender_that_is_lost(loop_server):
    with loop_server.wire() as wire:
        wire.send(b"PUT /asum HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + b"x" * 20000)
        assert loop_server.get("/").text == "here"
        wire.vanish()
    deadline = time.monotonic() + loop_server.patience
    while loop_server.get("/state").json()["open"] > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_upload_to_flash(start):
    """512 kB through a pause in its middle, in constant memory; and back."""
    program = start(ASYNC, files={})
    size = 512 * 1024
    whole = b"".join(pattern(size))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(httpx.put(
        program.url + "/flash", content=whole, timeout=600, trust_env=False)))
    thread.start()
    program.wait_for("paused")
    with program.client() as client:
        seen = [0]
        while len(seen) < 10 and (len(seen) < 3 or seen[-1] - seen[-3] > 1000):
            seen.append(client.get("/state").json()["in"])
            time.sleep(1)
        assert 100_000 < seen[-3] <= seen[-1] < min(seen[-3] + 1000, 130_000), "the rest waits at its sender"
        assert client.post("/go").status_code == 204
    thread.join()
    assert answers[0].status_code == 200
    answer = answers[0].json()
    assert answer["length"] == size
    least, most = answer["memory"]
    assert most - least < 6000
    with program.client() as client:
        assert zlib.crc32(client.get("/flash").content) == zlib.crc32(whole)
        assert client.get("/flash", headers={"Range": "bytes=-1000"}).content == whole[-1000:]


def test_many_files_at_once(loop_server):
    """Each at its own pace, each whole."""
    async def fetch():
        async with httpx.AsyncClient(base_url=loop_server.url, timeout=loop_server.patience, trust_env=False) as client:
            return await asyncio.gather(*(client.get("/file") for _ in range(8)))

    assert all(answer.content == FILE for answer in asyncio.run(fetch()))
