"""A heap of MicroPython's with nothing left: 500 or 503 meanwhile, and service again once there is memory."""

import pytest

APP = """
import modhttp

app = modhttp.Server(max_connections=4, head_buffers=2)
wanted = None

@app.get("/")
def index(request):
    return "hello"

@app.get("/needs/<int:size>")
def needs(request, size):
    return "x" * size

@app.post("/echo")
def echo(request):
    return request.body

@app.get("/eat")
def eat(request):
    chain = None
    while True:
        chain = [chain]

@app.get("/hoard/<int:left>")
def hoard(request, left):
    global wanted
    wanted = left
    return "soon"

def fill(left):
    spare = bytearray(left) if left else None
    hoarded = None
    size = 8192
    while size >= 8:
        try:
            hoarded = (hoarded, bytearray(size))
        except MemoryError:
            size //= 2
    return hoarded

def main():
    # A function, since a new global may need memory.
    global wanted
    while True:
        app.poll(50)
        if wanted is not None:
            hoarded = fill(wanted)
            wanted = None
            print("full")
            served = 0
            while served < 6:
                served += app.poll(50)
            hoarded = None
            print("free")

app.start()
main()
"""

NO_MEMORY = (500, 503)


@pytest.mark.parametrize("left", [0, 100, 1024])
def test_full_heap_is_refused_and_forgotten(start, left):
    program = start(APP)
    assert program.get(f"/hoard/{left}").text == "soon"
    program.wait_for("full")
    for _ in range(3):
        assert program.get("/needs/4000").status_code in NO_MEMORY
        assert program.get("/nothing").status_code == 404  # C needs none of it
    assert program.get("/").status_code in (200, *NO_MEMORY)  # it needs next to nothing
    with program.client() as client:
        assert client.get("/needs/4000").status_code in NO_MEMORY
        assert client.get("/needs/5000").status_code in NO_MEMORY
    program.wait_for("free")
    assert len(program.get("/needs/4000").text) == 4000
    assert program.get("/").text == "hello"


def test_no_memory_for_a_body(start):
    program = start(APP)
    assert program.get("/hoard/0").text == "soon"
    program.wait_for("full")
    with program.client() as client:
        assert client.post("/echo", content=b"x" * 9000).status_code in NO_MEMORY
    while "free\n" not in program.console:
        program.get("/")
    with program.client() as client:
        assert client.post("/echo", content=b"x" * 9000).content == b"x" * 9000


def test_handler_that_eats_the_heap(start):
    program = start(APP)
    for _ in range(3):
        assert program.get("/eat").status_code in NO_MEMORY
        assert len(program.get("/needs/10000").text) == 10000
    assert "MemoryError" in program.console
