"""lwIP's memory on the board, taken by the program's own sockets, then given back: the server goes on."""

import pytest

import emulated

# What a handler takes is given back after five seconds.
APP = """
import _modhttp, gc, modhttp, socket, time
app = modhttp.Server()
taken = []
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", 99))
listener.listen(8)
listener.setblocking(False)
wanted = None
BIG = "0123456789" * 1000

@app.get("/")
def index(request):
    return "hello"

@app.get("/big")
def big(request):
    return BIG

@app.get("/pcbs")
def pcbs(request):
    return "%d active" % _modhttp.pcbs()[0]

@app.get("/take/<what>")
def take(request, what):
    global wanted
    wanted = what
    return "taken"

def accept_all():
    while True:
        try:
            taken.append(listener.accept()[0])
        except OSError:
            return

def take_pcbs():
    try:
        while True:
            s = socket.socket()
            s.bind(("0.0.0.0", 0))
            taken.append(s)
    except OSError as error:
        print("pcbs", len(taken), error)

def take_heap():
    # As much as there is: socket.send() waits for ten seconds when there is no more, then says that all was well.
    accept_all()
    start = time.ticks_ms()
    for s in taken:
        for _ in range(6):
            if time.ticks_diff(time.ticks_ms(), start) < 5000:
                s.send(BIG[:500])
    print("heap", time.ticks_diff(time.ticks_ms(), start) // 5000)

def take_receive_buffers():
    accept_all()        # and never reads
    print("buffers", len(taken))

def give_back():
    while taken:
        taken.pop().close()
    gc.collect()

app.start()
while True:
    app.poll(10)
    if wanted:
        globals()["take_" + wanted]()
        wanted = None
        print("out")
        end = time.ticks_add(time.ticks_ms(), 5000)
        while time.ticks_diff(end, time.ticks_ms()) > 0:
            app.poll(10)
        give_back()
        print("back")
"""


@pytest.fixture
def board():
    with emulated.Board() as board:
        board.start(APP)
        board.run(100)
        yield board


def ask(board, path):
    connection = board.connect(80, ms=2000)
    if connection.state == "open":
        connection.send(b"GET %s HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n" % path)
    answer = connection.recv(ms=2000) if connection.state == "open" else b""
    connection.abort()
    return answer


def until(board, text, ms=30_000):
    end = board.now + ms
    while text not in board.output().stdout:
        assert board.now < end, board.output()
        board.run(100)


def take(board, what):
    assert ask(board, b"/take/" + what).endswith(b"taken")
    until(board, "out")


def check_recovery(board):
    """After the program has given back what it took: served at once, and nothing left behind."""
    until(board, "back")
    for path, end in ((b"/", b"hello"), (b"/big", b"0123456789")):
        assert ask(board, path).endswith(end)
    board.run(25_000)   # what lwIP keeps for clients that it could not answer, it keeps for 20 s
    assert ask(board, b"/pcbs").endswith(b"1 active")
    assert board.stats()["boots"] == 1
    assert "Traceback" not in board.output().stderr


def test_no_pcb_left(board):
    take(board, b"pcbs")
    assert "ENOMEM" in board.output().stdout
    answers = [ask(board, b"/big") for _ in range(3)]
    assert all(answer == b"" or answer.startswith(b"HTTP/1.1 ") for answer in answers)
    check_recovery(board)


def test_no_heap_left(board):
    """Clients that do not read keep what the program has sent them."""
    readers = [board.connect(99, window=1) for _ in range(6)]
    assert all(reader.state == "open" for reader in readers)
    take(board, b"heap")
    assert "heap 2" in board.output().stdout    # it has come to the end
    answers = [ask(board, path) for path in (b"/", b"/big", b"/nothing")]
    assert all(answer == b"" or answer.startswith(b"HTTP/1.1 ") for answer in answers)
    check_recovery(board)


def test_no_receive_buffer_left(board):
    """Segments that the program does not read stay in the driver's pool, and nothing more comes in."""
    writers = [board.connect(99) for _ in range(6)]
    take(board, b"receive_buffers")
    for writer in writers:
        writer.send(b"x" * 3200)
    board.run(1000)
    assert ask(board, b"/") == b""
    check_recovery(board)
