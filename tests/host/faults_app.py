# The program under the faults of test_faults.py: a route for each way through the server that an allocation is on.

import gc

import _modhttp
import modhttp

app = modhttp.Server(max_connections=6, head_timeout=4, progress_timeout=4, queue_timeout=4)
interrupts = 0
LINES = "".join("%07d\n" % number for number in range(6250))  # 50 kB


def fresh():
    """50 kB that no other answer has: one that is held for ever would show."""
    return LINES[:30000] + LINES[30000:]


@app.get("/")
def index(request):
    return "hello"


@app.get("/state")
def state(request):
    gc.collect()
    figures = app.stats()
    return {
        "open": figures["open"],
        "queued": figures["queued"],
        "buffers": figures["head_buffers_free"],
        "pcbs": _modhttp.pcbs()[0],
        "heap": gc.mem_alloc(),
        "interrupts": interrupts,
    }


@app.get("/big")
def big(request):
    return fresh()


@app.get("/json")
def as_json(request):
    return {"list": list(range(100)), "text": "blåbær"}, 201, {"X-One": "1", "X-Two": "2"}


@app.get("/lines/<int:count>")
def lines(request, count):
    for number in range(count):
        yield LINES[number * 800 : number * 800 + 800]


@app.get("/pieces")
def pieces(request):
    """By the step, more than lwIP takes at once: write() has to wait."""
    request.begin(200, "text/plain", len(LINES))
    for at in range(0, len(LINES), 10000):
        request.write(bytearray(LINES[at : at + 10000].encode()))
    request.end()


@app.get("/about/<name>")
def about(request, name):
    headers = request.headers
    fields = [headers["host"], headers.get("X-Many"), len(headers.items())]
    return [name, request.method, request.path, request.query, fields]


@app.post("/echo")
def echo(request):
    return request.body


@app.post("/form")
def form(request):
    return request.form


@app.post("/count")
def count(request):
    piece = bytearray(300)
    length = 0
    while n := request.stream.readinto(piece):
        length += n
    return str(length)


@app.post("/unread")
def unread(request):
    return "did not look"


@app.get("/teapot")
def teapot(request):
    raise modhttp.HTTPError(418, "short and stout")


@app.get("/raise")
def raise_value_error(request):
    raise ValueError("as asked")


@app.get("/upper")
def upper(request):
    raw = request.detach()
    try:
        raw.settimeout(4)
        raw.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: upper\r\n\r\n")
        while data := raw.read(64):
            raw.write(data.upper())
    finally:
        raw.close()


value = app.value("/value", "text/plain", LINES.encode())
room = app.sensor("/room", history=400, celsius=21.5, humidity=40, who="nobody")
tick = app.sensor("/tick", history=3, n=0, same=0)
for number in range(400):
    room.update(celsius=number / 8, humidity=number)


@app.get("/set")
def set_value(request):
    value.set(fresh())
    return "set"


@app.get("/update")
def update(request):
    tick.update(n=tick.seq + 1, same=tick.seq + 1)
    return "updated"


while True:
    try:
        app.run(port=80)
    except KeyboardInterrupt:
        interrupts += 1
