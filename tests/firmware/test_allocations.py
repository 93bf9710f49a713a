"""How often a request allocates from MicroPython's heap: each allocation brings the next collection nearer."""

import pytest

import emulated

LIMIT = 10  # under this many
ROUNDS = 10

# What asks for new memory. Whether a text that grows, JSON's, has to move depends on what lies behind it: not counted.
ALLOCATE = ("m_malloc", "m_malloc_maybe", "m_malloc_with_finaliser")

APP = """
import modhttp

app = modhttp.Server()

@app.get("/str")
def text(request):
    return "hello"

@app.get("/bytes")
def data(request):
    return b"hello"

@app.get("/dict")
def document(request):
    return {"celsius": 21.5, "on": True}

@app.get("/large")
def large(request):
    return {"celsius": 21.5, "humidity": 40, "pascal": 101325, "room": "kitchen", "door": None, "lights": [True, False]}

@app.get("/status")
def status(request):
    return "created", 201

@app.get("/int/<int:x>")
def integer(request, x):
    return "hello"

@app.get("/sum/<int:x>/<int:y>")
def add(request, x, y):
    return {"sum": x + y}

@app.get("/name/<name>")
def name(request, name):
    return name

@app.get("/query")
def query(request):
    return request.query["a"]

@app.get("/header")
def header(request):
    return request.headers["User-Agent"]

@app.post("/body")
def body(request):
    return request.body

app.run()
"""

CURL = "{} {} HTTP/1.1\r\nHost: 192.168.7.2\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"


@pytest.fixture(scope="module")
def board():
    with emulated.Board() as board:
        board.start(APP)
        board.run(100)
        yield board


@pytest.fixture(scope="module")
def connection(board):
    return board.connect(80)


@pytest.mark.parametrize("method, target, answer", [
    ("GET", "/str", b"hello"),
    ("GET", "/bytes", b"hello"),
    ("GET", "/dict", b'{"celsius": 21.5, "on": true}'),
    ("GET", "/large", b"}"),
    ("GET", "/status", b"created"),
    ("GET", "/int/12", b"hello"),
    ("GET", "/sum/12/30", b'{"sum": 42}'),
    ("GET", "/name/anna", b"anna"),
    ("GET", "/query?a=12", b"12"),
    ("GET", "/header", b"curl/7.88.1"),
    ("POST", "/body", b"12345678"),
])
def test_few_allocations(board, connection, method, target, answer):
    request = CURL.format(method, target) + ("Content-Length: 8\r\n\r\n12345678" if method == "POST" else "\r\n")

    def ask():
        connection.send(request.encode())
        assert connection.recv(until=b"\r\n\r\n" + answer).startswith(b"HTTP/1.1 20")
        board.run(5)

    ask()
    board.calls(*ALLOCATE)
    for _ in range(ROUNDS):
        ask()
    count = sum(board.calls().values()) / ROUNDS
    print(f"{method} {target}: {count} allocations")
    assert 1 <= count < LIMIT


@pytest.mark.parametrize("target, answer, limit", [("/str", b"hello", 300), ("/dict", b"}", 1000)])
def test_memory_is_found_at_once(board, connection, target, answer, limit):
    """Cycles of an allocation. MicroPython looks for more than a block from where it last found a single one: past the
    server's 20 kB, were it not at the heap's end, and past all that earlier requests have left, were a request's object
    of more than one block.
    """

    def ask():
        connection.send((CURL.format("GET", target) + "\r\n").encode())
        connection.recv(until=b"\r\n\r\n")
        assert connection.recv(until=answer).endswith(answer)

    for _ in range(300):
        ask()
    board.calls("gc_alloc")
    for _ in range(ROUNDS):
        ask()
    count = board.calls()["gc_alloc"]
    board.profile()
    for _ in range(ROUNDS):
        ask()
    cycles = board.profile(on=False)["gc_alloc"]
    print(f"GET {target}: {cycles / count} cycles for an allocation")
    assert cycles / count < limit
