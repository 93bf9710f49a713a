"""Handler classes, callbacks, hooks, errors, cookies, mounting: under run(), poll(), asyncio and in the background."""

import contextlib
import http.client
import http.cookies
import json
import threading
import time

import httpx
import pytest

import target as targets

APP = """
import gc
import sys
import time
import modhttp

app = modhttp.Server()
log = []

class Led(modhttp.Handler):
    on = False

    def do_GET(self):
        return {"on": Led.on}

    def do_PUT(self):
        Led.on = self.request.json["on"]
        return 204

    def do_POST(self):
        self.send_response(201, "ignored")
        self.send_header("Content-Type", "text/x-led")
        self.send_header("X-Command", self.command + " " + self.path + " " + self.headers["host"])
        self.end_headers()
        self.write(b"one ")
        self.wfile.write(self.rfile.read())

    def do_DELETE(self):
        self.send_error(409, explain="lit")

class Sized(modhttp.Handler):
    def do_GET(self, number):
        self.send_response(200)
        self.send_header("Content-Length", str(number))
        self.end_headers()
        self.write("x" * number)

app.add("/led", Led)
app.add("/sized/<int:number>", Sized)

@app.get("/route")
def route(request):
    return "route"

@app.get("/generator")
def generator(request):
    for number in range(3):
        yield "%d," % number

@app.get("/large")
def large(request):
    for number in range(40):
        yield "%04d" % number * 250

@app.callback
def callback(request, response):
    if request.path == "/steps":
        response.status = 202
        response.headers["X-Steps"] = "2"
        response.content_type = "text/x-steps"
        response.begin()
        response.write("one,")
        response.write(b"two")
    elif request.path == "/json":
        response.send({"a": 1}, status=203, headers={"X-B": "c"})
    elif request.path == "/forgets":
        pass
    else:
        response.send("you asked for " + request.method + " " + request.path)

@app.before
def guard(request):
    if request.headers.get("X-Key") == "wrong":
        return "no entry\\n", 403

@app.after
def stamp(request, response):
    if request.path == "/route":
        response.add_header("X-Stamp", "1")
    if request.path == "/replaced":
        return modhttp.Response("other", 299)

@app.error(ZeroDivisionError)
def zero(request, exc):
    return "divided by zero at " + request.path, 422

@app.error(418)
def teapot(request, exc):
    return "short and stout", 418

@app.get("/divide")
def divide(request):
    return str(1 // 0)

@app.get("/teapot")
def brew(request):
    modhttp.abort(418)

@app.get("/gone")
def gone(request):
    modhttp.abort(410, "long gone")

@app.get("/raise")
def fail(request):
    raise ValueError("the handler's own words")

@app.get("/elsewhere")
def elsewhere(request):
    return modhttp.redirect("/route")

@app.get("/cookies")
def cookies(request):
    return request.cookies

@app.get("/login")
def login(request):
    response = modhttp.Response("in", headers={"X-Kept": "1"})
    response.set_cookie("session", "abc123", max_age=60, secure=True)
    response.set_cookie("theme", "dark", path=None, httponly=False, samesite=None)
    response.delete_cookie("old")
    return response

@app.get("/bad-cookie")
def bad_cookie(request):
    modhttp.Response().set_cookie("a", "b; Domain=evil")

@app.get("/free")
def free(request):
    gc.collect()
    return str(gc.mem_free())

part = modhttp.Server()

@part.get("/item/<name>")
def item(request, name):
    return "item " + name + " at " + request.path

@part.before
def part_guard(request):
    if request.headers.get("X-Part") == "wrong":
        return "not in this part\\n", 401

@part.error(KeyError)
def part_error(request, exc):
    return "no such key", 404

app.mount("/part", part)

@part.get("/late")
def late(request):
    return {}["late"]

@part.get("/broken-generator")
def broken_generator(request):
    if request.query:
        yield "some"
    yield {}["later"]
"""

WAYS = {
    "run": "app.run(port=80)\n",
    "poll": "app.start(port=80)\nwhile True:\n    app.poll(100)\n",
    "background": "app.start(port=80, background=True)\nwhile True:\n    time.sleep_ms(50)\n",
    "asyncio": """
import asyncio

@app.get("/async/<int:ms>")
async def slow(request, ms):
    await asyncio.sleep_ms(ms)
    return {"slept": ms}

@app.get("/async-generator")
async def pieces(request):
    for number in range(3):
        yield "%d," % number
        await asyncio.sleep_ms(20)

@part.get("/async-raise")
async def part_raises(request):
    await asyncio.sleep_ms(1)
    return {}["async"]

@app.get("/async-raise")
async def raise_late(request):
    await asyncio.sleep_ms(5)
    raise ZeroDivisionError

class Async(modhttp.Handler):
    async def do_GET(self):
        await asyncio.sleep_ms(5)
        return "async class"

app.add("/async-class", Async)

@app.get("/endless")
async def endless(request):
    try:
        while True:
            yield "tick "
            await asyncio.sleep_ms(10)
    finally:
        print("cleaned up")

asyncio.run(app.serve(port=80))
""",
}


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return request.param


@pytest.fixture(scope="module")
def faces(target, way, tmp_path_factory):
    with targets.Program(target, APP + WAYS[way], tmp_path_factory.mktemp("faces")) as program:
        yield program


def get(program, path, fields=""):
    with program.wire() as wire:
        wire.get(path, fields)
        return wire.answer()


def test_handler_class(faces):
    with faces.client() as client:
        assert client.get("/led").json() == {"on": False}
        assert client.put("/led", json={"on": True}).status_code == 204
        assert client.get("/led").json() == {"on": True}
        assert client.put("/led", json={"on": False}).status_code == 204
        answer = client.post("/led", content=b"two", headers={"Host": "led.local"})
        assert (answer.status_code, answer.content) == (201, b"one two")
        assert answer.headers["Content-Type"] == "text/x-led"
        assert answer.headers["X-Command"] == "POST /led led.local"
        answer = client.delete("/led")
        assert (answer.status_code, answer.text) == (409, "lit\n")
        assert client.patch("/led").status_code in (200, 405), "no route's, so the callback's"
        answer = client.get("/sized/4000")
        assert (answer.headers["Content-Length"], answer.text) == ("4000", "x" * 4000)


def test_callback(faces):
    assert get(faces, "/json").body == b'{"a": 1}'
    assert get(faces, "/json").headers["X-B"] == "c"
    answer = get(faces, "/steps")
    assert (answer.status, answer.body, answer.headers["X-Steps"]) == (202, b"one,two", "2")
    assert answer.headers["Content-Type"] == "text/x-steps"
    assert get(faces, "/what/ever").body == b"you asked for GET /what/ever"
    assert get(faces, "/forgets").status == 500
    with faces.client() as client:
        assert client.request("PURGE", "/x").text == "you asked for PURGE /x"


def test_hooks(faces):
    answer = get(faces, "/route")
    assert (answer.body, answer.headers["X-Stamp"]) == (b"route", "1")
    assert get(faces, "/route", "X-Key: wrong\r\n").status == 403
    assert (get(faces, "/replaced").status, get(faces, "/replaced").body) == (299, b"other")
    assert get(faces, "/generator").body == b"0,1,2,"
    assert get(faces, "/large").body == b"".join(b"%04d" % number * 250 for number in range(40))


def test_errors(faces):
    assert (get(faces, "/divide").status, get(faces, "/divide").body) == (422, b"divided by zero at /divide")
    assert (get(faces, "/teapot").status, get(faces, "/teapot").body) == (418, b"short and stout")
    assert (get(faces, "/gone").status, get(faces, "/gone").body) == (410, b"long gone\n")
    assert get(faces, "/raise").status == 500
    faces.wait_for("the handler's own words")
    assert get(faces, "/bad-cookie").status == 500


def test_redirect_and_cookies(faces):
    answer = get(faces, "/elsewhere")
    assert (answer.status, answer.headers["Location"]) == (302, "/route")
    answer = get(faces, "/cookies", 'Cookie: a=1; b="two"; c=x=y;a=3\r\nCookie: d=; nothing ;e = 5\r\n')
    assert json.loads(answer.body) == {"a": "1", "b": "two", "c": "x=y", "d": "", "e": "5"}
    answer = get(faces, "/login")
    cookies = http.cookies.SimpleCookie("\r\n".join(answer.headers.get_all("Set-Cookie")))
    assert answer.headers["X-Kept"] == "1"
    session = cookies["session"]
    assert (session.value, session["max-age"], session["path"]) == ("abc123", "60", "/")
    assert session["secure"] and session["httponly"] and session["samesite"] == "Lax"
    assert (cookies["theme"].value, cookies["theme"]["path"], cookies["theme"]["httponly"]) == ("dark", "", "")
    assert cookies["old"]["max-age"] == "0"


def test_mounted_server(faces):
    assert get(faces, "/part/item/7").body == b"item 7 at /part/item/7"
    assert get(faces, "/part/item/7", "X-Part: wrong\r\n").status == 401
    assert (get(faces, "/part/late").status, get(faces, "/part/late").body) == (404, b"no such key")
    assert get(faces, "/route", "X-Part: wrong\r\n").status == 200


def test_errors_of_a_mounted_generator(faces):
    answer = get(faces, "/part/broken-generator")
    assert (answer.status, answer.body) == (404, b"no such key")
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        get(faces, "/part/broken-generator?begin")


def test_heap_stays(faces):
    def rounds():
        for path in ("/led", "/what", "/divide", "/generator", "/part/item/1", "/login", "/steps"):
            get(faces, path)
        return int(get(faces, "/free").body)

    rounds()
    before = rounds()
    for _ in range(5):
        after = rounds()
    assert before - after < 300


def test_async_handlers(faces, way):
    if way != "asyncio":
        return
    began = time.monotonic()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(get(faces, "/async/700"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert get(faces, "/route").body == b"route", "served while others sleep"
    for thread in threads:
        thread.join()
    assert [answer.body for answer in answers] == [b'{"slept": 700}'] * 6
    assert time.monotonic() - began < 6 * 0.7 or faces.target == "rp2040"
    assert get(faces, "/async-generator").body == b"0,1,2,"
    assert get(faces, "/async-raise").status == 422
    assert get(faces, "/part/async-raise").status == 404
    assert get(faces, "/async-class").body == b"async class"


def test_async_handler_hears_of_a_lost_client(faces, way):
    if way != "asyncio":
        return
    wire = faces.wire()
    wire.get("/endless")
    wire.read_until(b"tick")
    wire.vanish()
    faces.wait_for("cleaned up")
    assert get(faces, "/route").body == b"route"


ASYNC = """
import asyncio
import modhttp
app = modhttp.Server()
event = asyncio.Event()

@app.get("/waits")
async def waits(request):
    await asyncio.sleep_ms(10)
    return "waited"

@app.get("/event")
async def wait_for_event(request):
    await event.wait()
    return "event"

@app.get("/at-once")
async def at_once(request):
    return "at once"

@app.get("/generator")
def generator(request):
    yield "one,"
    yield "two"
"""


def test_async_handler_under_run(start):
    program = start(ASYNC + "app.run(port=80)\n")
    for path, text in (("/waits", "waited"), ("/at-once", "at once"), ("/generator", "one,two")):
        assert program.get(path).text == text


@pytest.mark.parametrize("loop", ["app.start(port=80)\nwhile True:\n    app.poll(100)\n", """
async def main():
    app.start(port=80, background=True)
    while True:
        await asyncio.sleep_ms(20)
        event.set()
        event.clear()

asyncio.run(main())
"""], ids=["poll", "background"])
def test_async_handler_without_a_loop_of_ours(start, loop):
    program = start(ASYNC + loop)
    for path in ("/waits", "/event", "/waits"):
        assert program.get(path).status_code == 500
    program.wait_for("an async handler needs a loop to run in: await app.serve()")
    assert program.get("/at-once").text == "at once"
    assert program.get("/generator").text == "one,two"


def test_asyncio_stops_and_goes_on(start):
    """stop() ends serve(), cancellation too; the port is free again at once, and other tasks have gone on meanwhile."""
    program = start("""
import asyncio
import modhttp
app = modhttp.Server()
ticks = 0

@app.get("/stop")
def stop(request):
    app.stop()
    return "stopped"

async def tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep_ms(10)

async def main():
    asyncio.create_task(tick())
    for turn in range(2):
        print("turn", turn)
        await app.serve(port=80)
    task = asyncio.create_task(app.serve(port=80))
    await asyncio.sleep_ms(200)
    print("turn 2", app.port)
    task.cancel()
    await asyncio.sleep_ms(50)
    print("port", app.port, ticks > 10)

asyncio.run(main())
""")
    for turn in range(2):
        program.wait_for(f"turn {turn}\n")
        assert program.get("/stop").text == "stopped"
    program.wait_for("turn 2 80\n")
    program.wait_for("port 0 True")
    assert program.finish() == 0


def test_with_and_serve(start):
    program = start("""
import modhttp
app = modhttp.Server()

@app.get("/")
def index(request):
    app.stop()
    return "once"

with app:
    app.run(port=80)

def handle(request, response):
    response.send("again " + request.path)

modhttp.serve(handle, port=80, max_connections=4)
""")
    assert program.get("/").text == "once"
    for _ in range(100):
        with contextlib.suppress(httpx.TransportError):  # nobody listens for a moment
            assert program.get("/x").text == "again /x"
            return
        time.sleep(0.1)
    raise AssertionError("it does not serve again")


def test_keyboard_interrupt_in_a_background_handler_reaches_the_program(start):
    program = start("""
import time
import modhttp
app = modhttp.Server()

@app.get("/")
def index(request):
    raise KeyboardInterrupt

app.start(port=80, background=True)
try:
    while True:
        time.sleep_ms(20)
except KeyboardInterrupt:
    print("interrupted")
app.stop()
time.sleep(1)  # a program's end cuts what is still on its way
""")
    assert program.get("/").status_code == 503
    program.wait_for("interrupted")
    assert program.finish() == 0


@pytest.mark.parametrize("line", [
    "app.add('/x', object)",
    "app.mount('nowhere', modhttp.Server())",
    "app.mount('/x/', modhttp.Server())",
])
def test_wrong_use_is_a_value_error(start, line):
    program = start(f"import modhttp\napp = modhttp.Server()\n{line}\n", wait=False)
    program.finish()
    assert "ValueError" in program.console


def test_error_404_has_what_no_route_serves(start):
    program = start("""
import modhttp
app = modhttp.Server()

@app.get("/there")
def there(request):
    return "there" if not request.query else modhttp.abort(404, "not today")

@app.post("/elsewhere")
def elsewhere(request):
    return "elsewhere"

@app.error(404)
def nowhere(request, exc):
    return "no " + request.path + str(exc.args[1:]), 404

app.run(port=80)
""")
    with program.client() as client:
        for _ in range(2):
            assert (client.get("/there").status_code, client.get("/there").text) == (200, "there")
            assert (client.get("/x").status_code, client.get("/x").text) == (404, "no /x()")
            assert (client.post("/x").status_code, client.post("/x").text) == (404, "no /x()")
            assert client.get("/there?1").text == "no /there('not today',)"
        answer = client.post("/there")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
        answer = client.options("/there")
        assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
        assert client.request("BREW", "/there").status_code == client.request("BREW", "/x").status_code == 501


def test_a_callback_goes_before_error_404(start):
    program = start("""
import modhttp
app = modhttp.Server()

@app.error(404)
def nowhere(request, exc):
    return "no " + request.path, 404

@app.get("/there")
def there(request):
    return "there"

def everything(request, response):
    if request.path == "/abort":
        modhttp.abort(404)
    response.send("everything")

@app.post("/callback")
def set_callback(request):
    app.callback(everything if request.text == "on" else None)
    return request.text

app.run(port=80)
""")
    with program.client() as client:
        for text in ("off", "on", "off"):
            assert client.post("/callback", content=text).text == text
            assert client.get("/there").text == "there"
            if text == "on":
                assert client.get("/x").text == client.post("/there").text == "everything"
                assert client.request("BREW", "/there").text == "everything"
                assert client.get("/abort").text == "no /abort"
            else:
                assert client.get("/x").text == "no /x"
                assert (client.post("/there").status_code, client.delete("/there").status_code) == (405, 501)
