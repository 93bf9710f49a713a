"""WebSockets on the board, in virtual time: over soft resets, and while Python does nothing else."""

import pytest
from frames import BINARY, PING, TEXT, frame
from test_server import ask, enter, evaluate, soft_reset

import emulated

HANDSHAKE = b"GET %s HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

PROGRAM = """
import gc
import modhttp, _modhttp
app = modhttp.Server()

@app.get("/")
def index(request):
    return "hello"

@app.websocket("/echo")
class Echo(modhttp.WebSocket):
    def on_message(self, message):
        self.send(message)
    def on_close(self, code, reason):
        print("closed", code)

@app.websocket("/large")
class Large(modhttp.WebSocket):
    def on_open(self, request):
        self.send("0123456789" * 1500)
        self.send("0123456789" * 300)
"""


@pytest.fixture
def board():
    with emulated.Board() as board:
        yield board


def open_socket(board, path=b"/echo", **how):
    connection = board.connect(80, **how)
    connection.send(HANDSHAKE % path)
    head = connection.recv(until=b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    return connection


def test_soft_reset_with_sockets_in_every_state(board):
    for _ in range(3):
        enter(board, PROGRAM + "\napp.start(80)\n")
        board.type("while True: app.poll(10)\r\r")
        board.expect("app.poll(10)\r\n")
        idle = open_socket(board)
        closing = open_socket(board)
        closing.send(frame(8, b"\x03\xe8"), ms=1000)
        open_socket(board, b"/large", window=2000)
        partial = open_socket(board)
        partial.send(frame(BINARY, bytes(300))[:100], ms=100)  # acknowledged at once: the rest may wait for that
        idle.send(frame(TEXT, b"here"))
        assert idle.recv(until=b"here") == b"\x81\x04here"
        board.type("\x03")
        board.expect(">>> ")
        idle.send(frame(TEXT, b"never fetched"), ms=500)
        soft_reset(board)
        enter(board, "import _modhttp")
        assert evaluate(board, "_modhttp.pcbs()[:2]") == (0, 0)
    enter(board, PROGRAM + "\napp.start(80)\n")
    board.type("while True: app.poll(10)\r\r")
    board.expect("app.poll(10)\r\n")
    again = open_socket(board)
    again.send(frame(TEXT, b"x"))
    assert again.recv(until=b"x") == b"\x81\x01x"
    assert board.stats()["boots"] == 1


def test_ping_is_answered_at_the_prompt(board):
    """Nobody polls, and no bytecode runs."""
    enter(board, PROGRAM + "\napp.start(80, background=True)\n")
    socket = open_socket(board)
    for number in range(3):
        socket.send(frame(PING, b"%d" % number))
        assert socket.recv(until=b"%d" % number) == b"\x8a\x01%d" % number
    socket.send(frame(TEXT, b"also"))
    assert socket.recv(until=b"also") == b"\x81\x04also"
    assert ask(board.connect(80)).endswith(b"hello")


def test_heap_is_what_it_was(board):
    enter(board, PROGRAM + "\napp.start(80, background=True)\n")
    free = "(gc.collect(), gc.mem_free())[1]"

    def talk():
        socket = open_socket(board)
        socket.send(frame(TEXT, b"y" * 500))
        socket.recv(until=b"y" * 500)
        socket.send(frame(8, b"\x03\xe8"), ms=200)
        socket.close(ms=200)

    talk()
    before = evaluate(board, free)
    for _ in range(10):
        talk()
    assert before - evaluate(board, free) < 6000, "no more than the one that the stack may still show"
