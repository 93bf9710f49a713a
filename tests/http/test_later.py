"""Answers that outlive their handler, and bodies that a task pulls."""

import time

APP = """
import asyncio
import modhttp
from modhttp.loop import readable

app = modhttp.Server(progress_timeout=2)
waiting = []

@app.get("/wait")
def wait(request):
    waiting.append(request)
    return request

@app.get("/stream")
def stream(request):
    request.begin(200, "text/plain")
    request.write("begun ")
    waiting.append(request)
    return request

@app.get("/answer")
def answer(request):
    one = waiting.pop()
    if one.begun:
        one.write("and ended")
        one.end()
    else:
        one.answer(("late", 202))
    return "answered"

@app.get("/full")
def full(request):
    for one in waiting:
        one.push("x" * 30000)       # and waits for room, in nobody's hands
    return "full"

@app.post("/pull")
async def pull(request):
    size = turns = 0
    while True:
        data = request.pull(700)
        if data == b"":
            return {"size": size, "turns": turns}
        if data is None:
            turns += 1
            await readable(request)
        else:
            assert len(data) <= 700
            size += len(data)

@app.get("/")
def index(request):
    return "index"

asyncio.run(app.serve(port=80))
"""


def answer_to(program, path):
    with program.wire() as wire:
        wire.get(path)
        return wire.answer().body


def test_answer_outlives_its_handler(program):
    app = program(APP)
    for path, text in (("/wait", b"late"), ("/stream", b"begun and ended")):
        with app.wire() as wire:
            wire.get(path)
            while answer_to(app, "/answer") != b"answered":  # its handler has not been called yet
                time.sleep(0.1)
            assert wire.answer().body == text
            wire.get("/")
            assert wire.answer().body == b"index"


def test_pushed_answer_waits_in_nobodys_hands(program):
    app = program(APP)
    with app.wire() as wire:
        wire.get("/stream")
        wire.read_until(b"begun ")
        assert answer_to(app, "/full") == b"full"
        wire.read_until(b"xxx")
        assert answer_to(app, "/answer") == b"answered"


def post(app, length):
    wire = app.wire()
    wire.send(b"POST /pull HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % length)
    return wire


def test_pull(program):
    app = program(APP)
    with app.client() as client:
        assert client.post("/pull", content=b"y" * 3000).json() == {"size": 3000, "turns": 0}, "gathered"
        assert client.post("/pull").json() == {"size": 0, "turns": 0}
    with post(app, 20000) as wire:  # beyond max_body, so that it is not gathered
        for _ in range(4):
            wire.send(b"z" * 5000)
            assert answer_to(app, "/") == b"index", "others are served meanwhile"
        assert b'"size": 20000' in wire.answer().body


def test_pull_of_what_does_not_come_or_drips(program):
    app = program(APP)
    with post(app, 20000) as silent, post(app, 20000) as dripping, post(app, 20000) as gone:
        gone.send(b"x")
        assert answer_to(app, "/") == b"index"
        gone.vanish()
        began = time.monotonic()
        dripping.socket.settimeout(0.3)
        while True:
            try:
                assert dripping.socket.recv(12) == b"HTTP/1.1 408"
                break
            except TimeoutError:
                dripping.send(b"x")
            assert time.monotonic() - began < app.patience
        assert silent.answer().status == 408
    assert answer_to(app, "/") == b"index"
