"""What app.dashboard() serves, to any client: the page, what sensors there are, their feed, the program's figures."""

import gzip
import json

import pytest

import target as targets

PAGE = (targets.ROOT / "rom/dashboard.html.gz").read_bytes()
ROM = {"dashboard.html.gz": PAGE}

APP = """import modhttp
import time
app = modhttp.Server(max_connections=6)
room = app.sensor("/api/room", history=50, celsius=modhttp.Field(0.0, help="Here", unit="C"), door=False)
volts = app.sensor("/volts", volts=modhttp.Field(0, scale=1000), who="nobody")
other = modhttp.Server()
inner = other.sensor("/deep", n=1)
@app.post("/do")
def do(request):
    exec(request.text)
    return 204
app.dashboard("/board/", title="House")
app.mount("/sub", other)
app.start(port=80)
while True:
    app.poll(100)
"""


@pytest.fixture
def board(start):
    return start(APP, romfs=ROM)


def events(wire):
    """What comes: (name, data), one by one; comments are left out."""
    text = b""
    while True:
        while b"\n\n" not in text:
            size = int(wire.makefile("rb").readline(), 16)
            assert size > 0, "the stream has ended"
            text += wire.makefile("rb").read(size + 2)[:-2]
        one, text = text.split(b"\n\n", 1)
        lines = dict(line.split(": ", 1) for line in one.decode().splitlines() if not line.startswith(":"))
        if "data" in lines:
            yield lines.get("event"), json.loads(lines["data"])


def subscribe(program):
    wire = program.wire()
    wire.get("/board/sensors/events")
    head = wire.makefile("rb").readline() + b"".join(iter(wire.makefile("rb").readline, b"\r\n"))
    assert head.startswith(b"HTTP/1.1 200 ") and b"Content-Type: text/event-stream\r\n" in head
    return wire, events(wire)


def do(program, text):
    with program.client() as client:
        assert client.post("/do", content=text).status_code == 204


def test_the_page_comes_from_flash(board):
    answer = board.get("/board/")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(PAGE))
    assert answer.content == gzip.decompress(PAGE)
    with board.client() as client:
        assert client.get("/board/", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        moved = client.get("/board")
    assert (moved.status_code, moved.headers["location"]) == (301, "/board/")


def test_sensors_are_described(board):
    about = board.get("/board/sensors.json").json()
    assert (about["title"], about["prefix"]) == ("House", "/board/")
    assert about["system"].startswith("MicroPython 1.")
    room, volts, inner = about["sensors"]
    assert room == {"path": "/api/room", "name": "room", "history": 50, "fields": [
        {"name": "celsius", "type": "float", "unit": "C", "help": "Here"},
        {"name": "door", "type": "bool", "unit": "", "help": ""},
    ]}
    assert [field["type"] for field in volts["fields"]] == ["float", "str"]
    assert (inner["path"], inner["name"]) == ("/sub/deep", "deep")
    do(board, "other.sensor('/more', x=1.5)")
    assert board.get("/board/sensors.json").json()["sensors"][3]["path"] == "/sub/more"


def test_figures(board):
    figures = board.get("/board/stats.json").json()
    assert figures["sensors"] == 3
    assert figures["open"] == 1
    assert figures["free"] > 0 and figures["used"] > 0


def test_the_feed_has_all_samples_of_all_sensors(board):
    wire, feed = subscribe(board)
    name, hello = next(feed)
    assert (name, hello["boot"]) == ("hello", board.get("/api/room?last=1").json()["boot"])
    assert [next(feed)[1][0] for _ in range(3)] == [0, 1, 2]
    do(board, "room.update(celsius=21.5)\nvolts.update(volts=3.3, who='me')\ninner.update(n=7)\nroom.update(door=True)")
    rows = sorted((next(feed)[1] for _ in range(4)), key=lambda row: (row[0], row[1][0]))
    assert [(number, row[0], *row[2:]) for number, row in rows] == [
        (0, 1, 21.5, False), (0, 2, 21.5, True), (1, 1, 3.3, "me"), (2, 1, 7)]
    assert all(0 <= row[1] - hello["ms"] < 60_000 for _, row in rows)
    do(board, "app.sensor('/new', n=5).update(n=6)")
    assert next(feed)[1][0] == 3
    wire.socket.close()


def test_the_feed_goes_on_while_python_does_not(board):
    wire, feed = subscribe(board)
    for _ in range(4):
        next(feed)
    other = board.wire()
    body = b"import machine\nmachine.Timer(period=100, callback=lambda t: room.update(celsius=room.seq))\ntime.sleep(4)"
    other.send(b"POST /do HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    seen = [next(feed)[1][1] for _ in range(10)]
    assert [row[2] for row in seen] == [row[0] - 1 for row in seen]
    assert board.get("/board/sensors.json").status_code == 200
    other.socket.close()


def test_a_client_that_does_not_read_gets_the_newest(board):
    count = 1500 if board.target == "rp2040" else 40_000  # more than what is between them holds
    do(board, "long = app.sensor('/long', text=modhttp.Field('', size=250))")
    wire, feed = subscribe(board)
    do(board, f"for i in range({count}):\n    long.update(text='x' * 250)\n    room.update(celsius=i)")
    seen = {0: [], 3: []}
    for _, row in feed:
        if isinstance(row, list) and row[0] in seen:
            seen[row[0]].append(row[1][0])
        if all(numbers[-1:] == [count] for numbers in seen.values()):
            break
    assert all(numbers == sorted(set(numbers)) for numbers in seen.values())
    assert len(seen[3]) < count
    assert board.get("/board/stats.json").status_code == 200
    wire.socket.close()


def test_subscribers_that_go_leave_nothing(board):
    for _ in range(12):
        wire, feed = subscribe(board)
        next(feed)
        wire.vanish()
        do(board, "room.update(celsius=1)")
    assert board.get("/board/stats.json").json()["open"] <= 3


def test_head_and_http_1_0(board):
    with board.wire() as wire:
        wire.get("/board/sensors/events", method="HEAD")
        assert wire.answer("HEAD").status == 200
        wire.get("/api/room")
        assert wire.answer().status == 200
    with board.wire() as wire:
        wire.get("/board/sensors/events", version="1.0")
        assert b"event: hello\n" in wire.read_until(b"data: [2,")


def test_what_it_cannot_do_is_said(start):
    program = start("""import modhttp
app = modhttp.Server()
for prefix in ("board", "/"):
    try:
        app.dashboard(prefix)
    except (ValueError, OSError) as exc:
        print(type(exc).__name__, exc)
app.run(port=80)
""", romfs={"other": b""})
    program.wait_for("ValueError prefix must begin with /\n")
    program.wait_for("OSError dashboard() needs /rom/dashboard.html.gz: "
                     "put modhttp's rom/dashboard.html.gz into the ROMFS image\n")
