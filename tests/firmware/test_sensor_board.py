"""Sensors on the board, in virtual time: hard interrupts, the REPL, soft resets, and what takes long."""

import json
import struct

import pytest
from test_server import enter, evaluate, soft_reset

import emulated

SENSOR = """
import modhttp, time
app = modhttp.Server()
pair = app.sensor("/pair", history=50, x=0, y=0)
"""

# The pin is its own edge detector: whoever sets it interrupts itself.
PIN = SENSOR + """
import machine
edges = 0
def on_edge(pin):
    global edges
    edges += 1
    pair.update(x=edges, y=edges)
pin = machine.Pin(2, machine.Pin.OUT, value=0)
pin.irq(on_edge, machine.Pin.IRQ_RISING, hard=True)
"""

# The emulator's PIO runs by the wall clock, but what a state machine is told to execute it executes at once.
PIO = SENSOR + """
import rp2
taken = locked = 0
def on_irq(machine):
    global taken, locked
    taken += 1
    try:
        bytearray(100)
    except MemoryError:
        locked += 1
    pair.update(x=taken, y=locked)
@rp2.asm_pio()
def idle():
    nop()
machine = rp2.StateMachine(0, idle)
machine.irq(on_irq, hard=True)
"""

# The pin is driven by a PWM slice: 600 interrupts in a second, whatever the processor is doing.
PWM = SENSOR + """
import machine
taken = 0
def on_edge(pin):
    global taken
    taken += 1
    pair.update(y=taken, x=taken)
pin = machine.Pin(2, machine.Pin.OUT)
def tick(freq=600):
    machine.PWM(pin, freq=freq, duty_u16=32768)
    pin.irq(on_edge, machine.Pin.IRQ_RISING, hard=True)
"""


@pytest.fixture
def board():
    with emulated.Board() as board:
        yield board


def body(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    if b"Transfer-Encoding: chunked" not in head:
        return body
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return whole
        whole, body = whole + body[:int(size, 16)], body[int(size, 16) + 2:]


def subscribe(board, path="/pair", fields="", **options):
    connection = board.connect(80, **options)
    connection.send(f"GET {path}/events HTTP/1.1\r\nHost: board\r\n{fields}\r\n".encode())
    assert b"text/event-stream" in connection.recv(until=b"\r\n\r\n")
    return connection


def next_event(connection, ms=10_000):
    """The text of the next event or comment, without its chunk's framing."""
    text = connection.recv(until=b"\n\n\r\n", ms=ms)
    size, _, chunk = text.partition(b"\r\n")
    assert len(chunk) == int(size, 16) + 2, text
    return chunk[:-4].decode()


def data_of(event):
    return json.loads(event.partition("data: ")[2])


# ---- hard interrupts


def test_update_from_a_pins_hard_interrupt(board):
    """Which has no heap: MicroPython locks it meanwhile."""
    board.exec(PIN + "app.start()")
    subscriber = subscribe(board)
    assert data_of(next_event(subscriber)) == {"x": 0, "y": 0}
    for number in range(1, 20):
        assert board.exec("pin(1); pin(0)") == ("", "", True)
        assert data_of(next_event(subscriber)) == {"x": number, "y": number}
    assert json.loads(body(board.get("/pair"))) == {"x": 19, "y": 19}


def test_update_from_a_state_machines_hard_interrupt(board):
    board.exec(PIO + "app.start()")
    subscriber = subscribe(board)
    next_event(subscriber)
    for number in range(1, 20):
        assert board.exec("machine.exec('irq(rel(0))')") == ("", "", True)
        assert data_of(next_event(subscriber)) == {"x": number, "y": number}
    assert json.loads(body(board.get("/pair"))) == {"x": 19, "y": 19}


def test_wrong_update_in_a_hard_interrupt(board):
    """It is an exception there, and the server goes on."""
    said = board.exec(PIN + """
import micropython
micropython.alloc_emergency_exception_buf(100)
def on_edge(pin):
    pair.update(z=1)
pin.irq(on_edge, machine.Pin.IRQ_RISING, hard=True)
app.start()
pin(1)
print("on")
""")
    assert "TypeError" in said.stdout + said.stderr and "on\r\n" in said.stdout
    assert json.loads(body(board.get("/pair"))) == {"x": 0, "y": 0}


def test_samples_of_hard_interrupts_are_not_torn(board):
    """While lwIP reads them at a lower level, and clients all of them."""
    board.start(PWM + """
app.start()
tick()
while True: pass
""")
    board.run(100)
    subscriber = subscribe(board)
    taken, last = 0, -1
    for _ in range(15):
        newest = json.loads(body(board.get("/pair")))
        assert newest["x"] == newest["y"] > last
        last = newest["x"]
        for row in json.loads(body(board.get("/pair?last=50")))["samples"]:
            assert row[0] == row[2] == row[3]
            taken += 1
        for seq, _, x, y in struct.iter_unpack("<IIii", body(board.get("/pair.bin?last=50"))):
            assert seq == x == y
            taken += 1
        event = next_event(subscriber)
        while not event.startswith("id: "):
            event = next_event(subscriber)
        data = data_of(event)
        assert data["x"] == data["y"] == int(event[4:event.index("\n")])
    assert last > 100 and taken > 1000
    last, before = json.loads(body(board.get("/pair")))["x"], board.now
    board.run(1000)
    rate = (json.loads(body(board.get("/pair")))["x"] - last) / (board.now - before) * 1000
    assert 590 < rate < 610, "none was lost"


# ---- Python busy, or gone


def test_native_endpoints_answer_at_the_repl_after_an_exception(board):
    enter(board, SENSOR)
    board.type("app.start(); pair.update(x=7); time.sleep_ms(10); lost\r")
    assert "NameError" in board.expect(">>> ")
    assert json.loads(body(board.get("/pair"))) == {"x": 7, "y": 0}
    subscriber = subscribe(board)
    assert data_of(next_event(subscriber)) == {"x": 7, "y": 0}
    board.type("pair.update(y=8)\r")
    board.expect(">>> ")
    assert data_of(next_event(subscriber)) == {"x": 7, "y": 8}
    board.type("time.sleep(5)\r")
    board.expect("time.sleep(5)\r\n")
    before = board.now
    assert json.loads(body(board.get("/pair"))) == {"x": 7, "y": 8}
    assert board.now - before < 50
    board.expect(">>> ")


def test_soft_reset_with_subscribers_and_updates(board):
    for number in range(3):
        enter(board, PWM + f"pair.update(x={number})\napp.start()\n")
        subscribers = [subscribe(board) for _ in range(3)]
        assert data_of(next_event(subscribers[0])) == {"x": number, "y": 0}
        shut = subscribe(board, window=300)
        board.type("tick()\r")
        board.expect(">>> ")
        board.run(50)
        soft_reset(board)
        for connection in (*subscribers, shut):
            connection.send(b"x")
            connection.recv(until=b"never", ms=300)
            assert connection.state == "reset"
        assert board.connect(80).state == "reset"
    enter(board, SENSOR + "app.start()\n")
    assert evaluate(board, "__import__('_modhttp').pcbs()[:1]") == (0,)
    assert json.loads(body(board.get("/pair"))) == {"x": 0, "y": 0}


def test_entity_tag_of_another_start_differs(board):
    tags = set()
    for _ in range(4):
        enter(board, SENSOR + "app.start()\n")
        head = board.get("/pair").partition(b"\r\n\r\n")[0]
        tags.add(head.partition(b"ETag: ")[2].split(b"\r\n")[0])
        soft_reset(board)
    assert len(tags) == 4


# ---- events


def test_heartbeat(board):
    """A comment after 15 seconds without a sample, for as long as the client is there."""
    board.start(SENSOR + "app.start()\ntime.sleep(1000)")
    board.run(100)
    subscriber = subscribe(board)
    next_event(subscriber)
    before = board.now
    for _ in range(10):
        assert next_event(subscriber, ms=20_000) == ":"
    assert 150_000 <= board.now - before < 160_000


def test_client_that_does_not_read_misses_samples_and_is_told(board):
    board.exec(SENSOR + "app.start()")
    subscriber = subscribe(board, window=500)
    assert data_of(next_event(subscriber)) == {"x": 0, "y": 0}
    for round in range(1, 4):
        board.exec(f"for i in range(500): pair.update(x=pair.seq + 1, y={round}); time.sleep_ms(1)")
        newest = 500 * round
        at, missed = 500 * (round - 1), 0
        while at < newest:
            event = next_event(subscriber)
            if event.startswith("event: missed\n"):
                missed += data_of(event)
                at += data_of(event)
            else:
                at += 1
                assert event.startswith(f"id: {at}\nevent: sample\n")
                assert data_of(event) == {"x": at, "y": round}
        assert at == newest and missed > 300
    board.exec("for i in range(200): pair.update()")
    board.run(13_000)
    assert subscriber.ask("recv", until="never", ms=0)["state"] == "reset", "nothing was taken for ten seconds"
    assert json.loads(body(board.get("/pair"))) == {"x": 1500, "y": 3}


def test_sample_taken_while_the_last_one_is_not_acknowledged(board):
    """Right before a heartbeat is due: the client has its time all the same."""
    board.exec(SENSOR + "app.start()")
    subscriber = subscribe(board)
    next_event(subscriber)
    for wait in (14_400, 14_700, 14_900, 15_000, 15_200):
        board.run(wait)
        board.exec(f"pair.update(x={wait})")
        event = next_event(subscriber)
        while event == ":":
            event = next_event(subscriber)
        assert data_of(event)["x"] == wait


def test_single_sample_is_not_torn(board):
    """A sensor without history is updated where it is read; interrupts come so often that copies meet them."""
    board.start(PWM + """
single = app.sensor("/single", a=0, text=modhttp.Field("0" * 250, size=250), z=0)
texts = "0" * 250, "1" * 250
def on_edge(pin):
    global taken
    taken += 1
    single.update(a=taken, text=texts[taken & 1], z=taken)
app.start()
tick(9_000)
while True: pass
""")
    board.run(100)
    connection = board.connect(80)
    last = 0
    for _ in range(200):
        connection.send(b"GET /single HTTP/1.1\r\nHost: board\r\n\r\n")
        sample = json.loads(connection.recv(until=b"}").partition(b"\r\n\r\n")[2])
        assert sample == {"a": sample["z"], "text": str(sample["z"] & 1) * 250, "z": sample["z"]}
        assert sample["z"] > last
        last = sample["z"]
