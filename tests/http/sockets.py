# The program that test_websocket.py talks to.

import asyncio
import gc
import json
import time

import _modhttp
import modhttp

app = modhttp.Server(progress_timeout=4)
log = []
room = modhttp.Room()
strict = modhttp.Room(drop=True)


class Logged(modhttp.WebSocket):
    def on_close(self, code, reason):
        log.append(["closed", code, reason])


@app.get("/")
def index(request):
    return "index"


@app.get("/log")
def get_log(request):
    told = log[:]
    log.clear()
    return told


@app.get("/state")
def state(request):
    gc.collect()
    return {"free": gc.mem_free(), "pcbs": _modhttp.pcbs(), "stats": app.stats()}


@app.get("/sleep/<int:ms>")
def sleep(request, ms):
    time.sleep_ms(ms)
    return "slept"


@app.websocket("/echo", max_message=1000)
class Echo(Logged):
    def on_message(self, message):
        if not self.send(message):
            log.append("no room")


@app.websocket("/about/<name>", protocols=("b", "a"))
class About(Logged):
    def on_open(self, request, name):
        self.name = name

    def on_message(self, message):
        request = self.request
        told = {
            "name": self.name,
            "path": request.path,
            "query": request.query,
            "cookies": request.cookies,
            "agent": request.headers.get("User-Agent"),
            "client": request.client,
            "protocol": self.protocol,
            "begun": request.begun,
        }
        self.send(json.dumps(told))


@app.websocket("/origin", origins=("https://good.example",))
class Guarded(Logged):
    def on_open(self, request):
        self.send("in")


@app.websocket("/log-all")
class LogAll(Logged):
    def on_message(self, message):
        log.append(message if isinstance(message, str) else len(message))


@app.websocket("/told")
class Told(Logged):
    """Does what it is told."""

    def on_message(self, message):
        what, *args = json.loads(message)
        try:
            if what == "close":
                self.close(*args)
            elif what == "raise":
                raise ValueError("the message's own words")
            elif what == "send":
                self.send("x" * args[0])
            elif what == "ping":
                self.ping()
            elif what == "object":
                self.send({})
        except TypeError as exc:
            self.send(str(exc))
        except ValueError as exc:
            if what == "raise":
                raise
            self.send(str(exc))


@app.websocket("/raise-open")
class RaiseOpen(Logged):
    def on_open(self, request):
        raise ValueError("at the very beginning")


@app.websocket("/alive", ping=1)
class Alive(Logged):
    pass


@app.websocket("/fill/<int:size>")
class Fill(Logged):
    def on_open(self, request, size):
        count = 0
        while self.send("%04d" % count * (size // 4)):
            count += 1
        log.append(count)

    def on_message(self, message):
        log.append(self.send(message))


@app.websocket("/room")
class InRoom(Logged):
    def on_open(self, request):
        room.add(self)


@app.websocket("/strict")
class InStrictRoom(Logged):
    def on_open(self, request):
        strict.add(self)


@app.get("/broadcast/<name>/<int:size>")
def broadcast(request, name, size):
    to = strict if name == "strict" else room
    return {"sent": to.send(name + "x" * size), "size": len(to)}


@app.websocket("/async/echo")
async def echo(ws):
    async for message in ws:
        await ws.send(message)
    log.append(["async closed"] + list(ws.closed))


app.websocket("/async/long", max_message=20000)(echo)


@app.websocket("/async/small")
async def echo_small(ws):
    async for message in ws:
        await ws.send(message)


@app.websocket("/async/huge", max_message=0x3FFFFF)
async def huge(ws):
    pass


@app.websocket("/async/flood")
async def flood(ws):
    try:
        for number in range(200):
            await ws.send("%03d" % number * 100)
        log.append("all sent")
    finally:
        log.append("finally")


@app.websocket("/async/raise")
async def fail(ws):
    await ws.recv()
    raise ValueError("the task's own words")


@app.websocket("/async/return/<int:code>")
async def done(ws, code):
    await ws.send("bye")
    if code:
        await ws.close(code, "enough")


app.add("/added", Echo)
asyncio.run(app.serve(port=80))
