"""First things on the wire: answers and closes, slow and busy moments, crowds, with kernel sockets for clients.

On a TAP, since the localhost forwarder would hide these: it reads on when the client does not, and answers for lwIP.
"""

import contextlib
import random
import socket
import threading
import time

import pytest

from links import program, read_all, reset_on_close, wait_for_quiet
from peer import PATIENCE

APP = program("""
@app.get("/big")
def big(request):
    return BIG

@app.get("/busy")
def busy(request):
    end = time.ticks_add(time.ticks_ms(), 1500)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        pass
    return "done"

@app.get("/sleep")
def sleep(request):
    time.sleep(1.5)
    return "done"

BIG = "".join("%07d\\n" % i for i in range(5000)) * 10
""", max_connections=8)

BIG = b"".join(b"%07d\n" % i for i in range(5000)) * 10


TARGETS = ["host", "sanitized"]


@pytest.mark.parametrize("opening, status", [
    (b"GET /\x01 HTTP/1.1\r\n", b"400"),
    (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n", b"413"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 3000, b"431"),
])
def test_answer_then_close_reaches_a_client_that_is_still_sending(server, opening, status):
    with server.connect() as s:
        s.sendall(opening)

        def send_on():
            try:
                for _ in range(300):
                    s.sendall(b"x" * 1000)
                    time.sleep(0.001)
            except OSError:
                pass        # closed on us, after the answer: allowed

        sender = threading.Thread(target=send_on)
        sender.start()
        time.sleep(0.1)     # read late: an RST would have overtaken the answer by then
        answer = read_all(s)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert answer.endswith(b"\n")
        sender.join()


def test_large_answer_then_close_arrives_whole(server):
    head, body = server.get("/big")
    assert head.startswith(b"HTTP/1.1 200")
    assert body == BIG


def test_client_with_a_tiny_window_gets_it_all_and_holds_up_nobody(server):
    with server.connect(receive_buffer=2048) as slow:
        slow.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for _ in range(20):
            assert server.get("/")[1] == b"hello"
        body = read_all(slow).split(b"\r\n\r\n", 1)[1]
    assert body == BIG


@pytest.mark.parametrize("path", ["/busy", "/sleep"])
def test_c_answers_while_python_is_busy(server, path):
    """What needs no handler is answered at interrupt level: while Python loops, and while it sleeps."""
    with server.connect() as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        time.sleep(0.2)
        for _ in range(10):
            assert server.get("/nothing-here")[0].startswith(b"HTTP/1.1 404")
            assert server.exchange(b"rubbish\r\n\r\n").startswith(b"HTTP/1.1 400")
        s.setblocking(False)
        with pytest.raises(BlockingIOError):
            s.recv(1)       # Python was busy all the while
        s.settimeout(PATIENCE)
        assert read_all(s).endswith(b"done")


def test_requests_that_wait_for_python_are_answered_in_order_of_arrival(server):
    busy = server.connect()
    busy.sendall(b"GET /sleep HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    time.sleep(0.2)
    waiting = [server.connect() for _ in range(6)]
    for s in waiting:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for s in waiting:
        assert read_all(s).endswith(b"hello")
        s.close()
    assert read_all(busy).endswith(b"done")
    busy.close()


def test_no_room_is_a_503_that_arrives(server):
    """More clients at once than connections: each gets its answer or an orderly 503, none a RST."""
    crowd = [server.connect() for _ in range(40)]
    for s in crowd:
        try:
            s.sendall(b"GET /sleep HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        except ConnectionError:
            pass
    answers = [read_all(s) for s in crowd]
    for s in crowd:
        s.close()
    statuses = [answer.split(b" ")[1] for answer in answers]
    assert statuses.count(b"200") == 8
    assert statuses.count(b"503") == 32
    assert all(b"Retry-After: " in answer for answer in answers if b" 503 " in answer)


# What the crowd sends: good, large, slow to handle, streamed in pieces, wrong.
CROWD = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 5,
    b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000,
    b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70000,
    b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nrubbish\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\0" * 100,
]


def misbehave(server, chance, until):
    """One of the crowd: sends some of this and that in pieces, reads some of the answer, and goes in some way."""
    while time.monotonic() < until:
        data = b"".join(chance.choices(CROWD, k=chance.randint(1, 3)))[:chance.choice([10, 100, 10**6])]
        with server.connect(receive_buffer=chance.choice([0, 2048])) as s, contextlib.suppress(OSError):
            s.settimeout(0.2)
            while data:
                size = chance.choice([1, 7, 100, 1460, 10**5])
                s.sendall(data[:size])
                data = data[size:]
                if chance.random() < 0.05:
                    break
            if chance.random() < 0.3:
                s.shutdown(socket.SHUT_WR)
            for _ in range(chance.choice([0, 1, 10, 1000])):
                if not s.recv(chance.choice([1, 1000, 10**5])):
                    break
            if chance.random() < 0.3:
                reset_on_close(s)


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_of_misbehaving_clients_leaves_nothing(server, seed):
    until = time.monotonic() + 4
    crowd = [threading.Thread(target=misbehave, args=(server, random.Random(100 * seed + n), until)) for n in range(12)]
    for client in crowd:
        client.start()
    for client in crowd:
        client.join()
    wait_for_quiet(server)
    assert server.get("/big")[1] == BIG


@pytest.mark.parametrize("cut", [1, 20, 60, 100])
@pytest.mark.parametrize("reset", [True, False])
def test_clients_that_go_away_leave_nothing(server, cut, reset):
    request = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n" + b"x" * 50
    for _ in range(20):
        s = server.connect()
        s.sendall(request[:cut])
        if reset:
            reset_on_close(s)
        s.close()
    wait_for_quiet(server)
