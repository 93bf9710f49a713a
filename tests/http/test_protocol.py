"""HEAD, pipelining, and clients in trouble. Most of the protocol is in cases/."""

import time

import pytest

# ---- methods


@pytest.mark.parametrize("path", ["/str", "/dict", "/reference", "/generator/5", "/steps", "/large/3"])
def test_head_has_the_fields_of_get_and_no_body(server, path):
    with server.wire() as wire:
        wire.get(path)
        got = wire.answer()
        wire.send(f"HEAD {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        head = wire.answer("HEAD")
        assert (head.status, head.body) == (got.status, b"")
        for field in ("content-type", "content-length", "transfer-encoding"):
            assert head.headers[field] == got.headers[field]
        wire.get("/")
        assert wire.answer().body == b"root"


# ---- connections


def test_many_requests_on_one_connection(server):
    with server.wire() as wire:
        for number in range(100):
            wire.get(f"/p/{number}")
            assert wire.answer().body == b"int %d" % (number + 1)


def test_pipelined_answers_keep_their_order(server):
    paths = [f"/p/{number}" for number in range(12)]
    paths[3:3] = ["/nothing", "/generator/4", "/reference", "/raise", "/int/204"]
    with server.wire() as wire:
        wire.send("".join(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n" for path in paths).encode())
        answers = [wire.answer() for _ in paths]
    assert [answer.status for answer in answers] == [200] * 3 + [404, 200, 200, 500, 204] + [200] * 9
    numbers = [answer.body for answer in answers if answer.body.startswith(b"int")]
    assert numbers == [b"int %d" % (number + 1) for number in range(12)]


def test_pipelined_posts(server):
    with server.wire() as wire:
        for _ in range(3):
            head = b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n"
            wire.send(b"".join(head + b"%03d" % i for i in range(20)))
            assert [wire.answer().body for _ in range(20)] == [b"%03d" % i for i in range(20)]


def test_connection_close(server):
    for path, body in (("/str", "blåbær".encode()), ("/reference", b"0123456789abcdef" * 1024)):
        with server.wire() as wire:
            wire.get(path, "Connection: close\r\n")
            answer = wire.answer()
            assert answer.body == body
            assert answer.headers["connection"] == "close"
            assert wire.rest() == b""


def test_large_answer_then_close_arrives_whole(server):
    with server.wire() as wire:
        wire.get("/large/100", "Connection: close\r\n")
        assert wire.answer().body == b"0123456789abcdef" * 6400
        assert wire.rest() == b""


def test_answer_then_close_survives_unread_input(server):
    """A server that closes with input unread resets the connection, and its answer with it."""
    with server.wire() as wire:
        wire.get("/str", "Connection: close\r\n")
        wire.send(b"x" * 3000)
        assert wire.answer().body == "blåbær".encode()


# ---- clients in trouble


def test_silent_connections_do_not_keep_others_out(server):
    """More of them than the server holds: a request is served or refused, but answered."""
    silent = []
    try:
        for _ in range(20):
            silent.append(server.wire())
        time.sleep(1.2)  # longer than a connection is spared that has said nothing
        start = time.monotonic()
        assert server.get("/").status_code in (200, 503)
        assert time.monotonic() - start < 10
    finally:
        for wire in silent:
            wire.socket.close()
    assert server.get("/").text == "root"


@pytest.mark.parametrize("start", [b"", b"GE", b"GET / HTTP/1.1\r\nHost: t\r\nX-", b"POST /echo HTTP/1.1\r\nHost: t\r\n"
                                   b"Content-Length: 100\r\n\r\nsome of it"])
@pytest.mark.parametrize("how", ["vanish", "close"])
def test_clients_that_go_away_mid_request(server, start, how):
    for _ in range(20):
        wire = server.wire()
        if start:
            wire.send(start)
        wire.vanish() if how == "vanish" else wire.socket.close()
    assert server.get("/").text == "root"


def test_clients_that_vanish_before_or_in_the_answer(server):
    for path in ("/large/200", "/stream/50", "/sleep/20", "/reference"):
        for read in (0, 1000):
            wire = server.wire()
            wire.get(path)
            if read:
                wire.socket.recv(read)
            wire.vanish()
    assert server.get("/").text == "root"


def test_others_are_served_while_a_client_reads_a_stream_slowly(server):
    with server.wire() as slow:
        slow.get("/stream/50")
        slow.socket.recv(100)
        for _ in range(5):
            start = time.monotonic()
            assert server.get("/str").status_code == 200
            assert time.monotonic() - start < 5
        assert len(slow._file.read(30000)) == 30000


def test_detached_connection_is_the_programs(server):
    with server.wire() as wire:
        wire.get("/detach", "Connection: Upgrade\r\nUpgrade: echo\r\n")
        wire.send(b"early")
        assert wire.makefile("rb").readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
        while wire.makefile("rb").readline() != b"\r\n":
            pass
        assert wire.makefile("rb").read(5) == b"EARLY"
        wire.send(b"more")
        assert wire.makefile("rb").read(4) == b"MORE"
        wire.end()
        assert wire.rest() == b""
    assert server.get("/").text == "root"


def test_nothing_is_left_behind(server):
    """After all that the tests before have done to it."""
    ours = 1 if server.target == "rp2040" else 2  # on the host lwIP has the forwarder's end of it too
    deadline = time.monotonic() + 15
    while True:
        state = server.get("/state").json()
        if (state["pcbs"][:2] == [ours, 1] and state["stats"]["open"] == 1) or time.monotonic() > deadline:
            break
        time.sleep(0.3)
    assert state["pcbs"][:2] == [ours, 1], "this request's, and the listener"
    stats = state["stats"]
    assert stats["open"] == 1
    assert stats["idle"] == 0
    assert stats["queued"] == 0
    assert 7 <= stats["head_buffers_free"] <= 8


def test_more_answers_of_c_than_fit_into_the_send_buffer(server):
    """They wait for room, like any other; each has its turn."""
    with server.wire() as wire:
        wire.send(b"GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n" * 200 + b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert [wire.answer().status for _ in range(200)] == [404] * 200
        assert wire.answer().body == b"root"
