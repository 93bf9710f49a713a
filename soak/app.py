"""What `make soak` serves: a route for each way that an answer or a body can travel.

Each second it prints a line of figures, as JSON.
"""

import binascii
import errno
import gc
import json
import time

import _host
import _modhttp
import modhttp

# 100 kB, sent by reference; crowd.py knows it too.
BIG = bytearray(8 * 12800)
for i in range(12800):
    BIG[8 * i : 8 * i + 8] = b"%07d\n" % i
BIG = str(BIG, "ascii")

app = modhttp.Server(head_timeout=5, progress_timeout=5, idle_timeout=15)


@app.get("/big")
def big(request):
    return BIG


@app.get("/text/<int:length>")
def text(request, length):
    return BIG[:length]


@app.get("/json/<int:number>")
def numbers(request, number):
    return {"number": number, "square": number * number}


@app.get("/pieces/<int:count>")
def pieces(request, count):
    for i in range(count):
        yield BIG[8 * i : 8 * i + 400]


@app.get("/late")
def late(request):
    time.sleep_ms(20)
    return "late\n"


@app.post("/echo")
def echo(request):
    return request.body


@app.put("/sum")
def checksum(request):
    length = total = 0
    try:
        while piece := request.stream.read(2048):
            length += len(piece)
            total = binascii.crc32(piece, total)
    except OSError as error:
        if error.errno != errno.ECONNRESET:
            raise
        return 400  # to nobody
    return "%d %d" % (length, total)


def figures():
    gc.collect()
    return {
        "stats": app.stats(),
        "pcbs": _modhttp.pcbs(),
        "pools": _host.pools(),
        "used": gc.mem_alloc(),
        "free": gc.mem_free(),
    }


app.start()
due = time.ticks_ms()
while True:
    app.poll(100)
    if time.ticks_diff(time.ticks_ms(), due) >= 0:
        print(json.dumps(figures()))
        due = time.ticks_add(due, 1000)
