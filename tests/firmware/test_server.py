"""The server in the firmware, at the REPL and over resets, in virtual time."""

import ast

import pytest

import emulated

REQUEST = b"GET %s HTTP/1.1\r\nHost: board\r\n\r\n"

HELLO = """
import modhttp, _modhttp
app = modhttp.Server()

@app.get("/")
def index(request):
    return "hello"

@app.get("/recurse")
def recurse(request):
    return recurse(request)
"""


@pytest.fixture
def board():
    with emulated.Board() as board:
        yield board


def ask(connection, path=b"/", until=b"hello"):
    connection.send(REQUEST % path)
    return connection.recv(until=until)


def evaluate(board, expression):
    """What the REPL, at its prompt, prints for an expression."""
    board.type(f"print('<', {expression}, '>')\r")
    board.expect("\r\n< ")
    return ast.literal_eval(board.expect(" >\r\n>>> ").removesuffix(" >\r\n>>> "))


def enter(board, program):
    """Run a program's lines at the REPL, to their end."""
    board.type("\x05" + program.replace("\n", "\r") + "\r\x04print('enter' + 'ed')\r")
    board.expect("\r\nentered\r\n>>> ")


def soft_reset(board):
    board.type("\x04")
    board.expect("soft reboot\r\n")
    board.expect(">>> ")


def test_ctrl_c_and_run_again_ten_times(board):
    enter(board, HELLO)
    for _ in range(10):
        board.type("app.run()\r")
        board.expect("app.run()\r\n")
        board.run(20)
        kept = board.connect(80)
        assert kept.state == "open"
        assert ask(kept).endswith(b"hello")
        assert board.get().endswith(b"hello")
        board.type("\x03")
        assert "KeyboardInterrupt" in board.expect(">>> ")
        assert evaluate(board, "app.port") == 0
        assert board.connect(80).state == "reset"
        kept.close(ms=1000)
    assert evaluate(board, "_modhttp.pcbs()[:2]") == (0, 0)


def test_ctrl_d_and_a_new_program_on_the_same_port(board):
    """With connections open, and an answer on its way that refers to the heap which the reset drops."""
    for number in range(5):
        enter(board, HELLO + f"""
@app.get("/number")
def number(request):
    return "number {number}"

@app.get("/large")
def large(request):
    return TEXT
TEXT = "0123456789" * 1500
app.start()
""")
        board.type("while True: app.poll(10)\r\r")
        board.expect("app.poll(10)\r\n")
        idle = board.connect(80)
        assert ask(idle, b"/number", b"number %d" % number).endswith(b"number %d" % number)
        reading = board.connect(80, window=2000)
        reading.send(REQUEST % b"/large")
        partial = board.connect(80)
        partial.send(b"GET / HT", ms=1000)
        board.type("\x03")
        board.expect(">>> ")
        soft_reset(board)
        enter(board, "import _modhttp")
        assert evaluate(board, "_modhttp.pcbs()[:2]") == (0, 0)
        assert board.connect(80).state == "reset"


def test_ctrl_d_with_the_server_running_between_commands(board):
    """start() leaves the port open at the prompt: connections come, and must not reach into the new VM."""
    enter(board, HELLO + "\napp.start()\n")
    waiting = board.connect(80)
    waiting.send(REQUEST % b"/", ms=1000)
    soft_reset(board)
    enter(board, HELLO + "\napp.start()\n")
    fresh = board.connect(80)
    fresh.send(REQUEST % b"/")
    board.run(100)
    board.type("app.poll()\r")
    assert fresh.recv(until=b"hello").endswith(b"hello")


def test_recursing_handler_under_load_is_an_exception(board):
    """Interrupts, with all of lwIP, come on top of Python's stack at its deepest."""
    board.start(HELLO + "app.run()\n")
    board.run(50)
    connections = [board.connect(80) for _ in range(8)]
    for _ in range(5):
        for connection in connections:
            connection.send(REQUEST % b"/recurse" + REQUEST % b"/")
        for connection in connections:
            answer = connection.recv(until=b"hello", ms=20_000)
            assert answer.startswith(b"HTTP/1.1 500 ")
            assert answer.endswith(b"hello")
    assert board.output().stdout.count("maximum recursion depth exceeded") + \
        board.output().stderr.count("maximum recursion depth exceeded") == 40
    assert board.get().endswith(b"hello")
    assert board.stats()["boots"] == 1


def test_no_network_is_an_exception_that_says_so(board):
    result = board.exec(HELLO + """
import network
network.SLIP().active(False)
app.run()
""")
    assert "OSError" in result.stderr
    assert "no network interface is up" in result.stderr


def test_heap_is_what_it_was_after_many_requests(board):
    board.start(HELLO + """
import gc
@app.get("/free")
def free(request):
    gc.collect()
    return "%d free" % gc.mem_free()
app.run()
""")
    board.run(50)
    connection = board.connect(80)

    def free():
        answer = ask(connection, b"/free", b" free")
        return int(answer.rpartition(b"\r\n\r\n")[2].split()[0])

    for _ in range(5):
        ask(connection)
    before = free()
    for _ in range(200):
        ask(connection)
    assert before - free() < 64
