"""Requirements of RFC 9110 and 9112 on an origin server that no other file here is about.

docs/http.md lists them all.
"""

import json

import pytest


def told(path, how, fields=b""):
    """A POST whose JSON says what the handler is to do."""
    body = json.dumps(how).encode()
    return b"POST %s HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n%s\r\n%s" % (path, len(body), fields, body)


def in_order(wire):
    """The connection goes on with the next request."""
    wire.get("/")
    return wire.answer().body == b"root"


# ---- targets


@pytest.mark.parametrize(("line", "status"), [
    (b"OPTIONS * HTTP/1.1", 204),
    (b"OPTIONS http://t/str HTTP/1.1", 204),
    (b"GET http://elsewhere:1/str HTTP/1.1", 200),
    (b"GET http://t HTTP/1.1", 200),
    (b"GET http://t?x HTTP/1.1", 200),
    (b"TRACE / HTTP/1.1", 501),
])
def test_targets_that_are_answered(server, line, status):
    with server.wire() as wire:
        wire.send(line + b"\r\nHost: t\r\n\r\n")
        assert wire.answer().status == status
        assert in_order(wire)


@pytest.mark.parametrize(("line", "status"), [
    (b"GET * HTTP/1.1", 400),                   # RFC 9112 section 3.2.4: for OPTIONS only
    (b"GET t:80 HTTP/1.1", 400),                # section 3.2.3: for CONNECT only
    (b"CONNECT t:80 HTTP/1.1", 501),            # RFC 9110 section 9.3.6
    (b"CONNECT / HTTP/1.1", 501),
    (b"GET https://t/str HTTP/1.1", 421),       # RFC 9110 section 7.4
    (b"GET HTTPS://t HTTP/1.1", 421),
    (b"GET http://user@t/str HTTP/1.1", 400),   # RFC 9110 section 4.2.4
    (b"GET http:///str HTTP/1.1", 400),         # section 4.2.1
    (b"GET ftp://t/str HTTP/1.1", 400),
    (b"PRI * HTTP/2.0", 505),
])
def test_targets_that_are_refused(server, line, status):
    assert server.exchange(line + b"\r\nHost: t\r\n\r\n").startswith(b"HTTP/1.1 %d " % status)


def test_options_of_the_server_lists_all_methods(server):
    with server.wire() as wire:
        wire.send(b"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n")
        listed = {name.strip() for name in wire.answer().headers["allow"].split(",")}
    assert listed == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"}


# ---- answers without a body


@pytest.mark.parametrize("request_line", [b"HEAD /none HTTP/1.1", b"HEAD /raise HTTP/1.1", b"HEAD /purge HTTP/1.1"])
def test_errors_of_head_have_no_body(server, request_line):
    with server.wire() as wire:
        wire.send(request_line + b"\r\nHost: t\r\n\r\n")
        answer = wire.answer("HEAD")
        assert answer.status >= 400
        assert int(answer.headers["content-length"]) > 0
        assert in_order(wire)


def test_refusal_of_head_has_no_body(server):
    data = server.exchange(b"HEAD /%zz HTTP/1.1\r\nHost: t\r\n\r\n")
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize(("status", "length"), [(204, None), (205, "0"), (304, None)])
def test_body_of_a_status_that_has_none_is_dropped(server, status, length):
    """RFC 9110 sections 8.6 and 15.3.6. It is dropped however the program gives it."""
    with server.wire() as wire:
        for how in ({"status": status, "body": "x"}, {"status": status, "body": "x" * 1000}):
            wire.send(told(b"/return", how))
            answer = wire.answer()
            assert (answer.status, answer.body, answer.headers["content-length"]) == (status, b"", length)
        for how in ({"length": 7}, {}):
            wire.send(told(b"/begin", {"status": status, "body": "written", **how}))
            answer = wire.answer()
            assert (answer.status, answer.body, answer.headers["content-length"]) == (status, b"", length)
            assert answer.headers["transfer-encoding"] is None
        assert in_order(wire)


# ---- answers that a program gets wrong


@pytest.mark.parametrize("how", [
    {"fields": "Content-Length: 5\r\n"},
    {"fields": "X: 1\r\ntransfer-encoding: chunked\r\n", "length": 3},
    {"fields": "X: 1"},
    {"fields": "X: 1\n"},
    {"fields": "X: 1\r\n\r\n"},
    {"fields": "X: 1\r\n\r\nHTTP/1.1 200 OK\r\n"},
    {"fields": "X: 1\r\n folded\r\n"},
    {"fields": "X : 1\r\n"},
    {"fields": "X\x00: 1\r\n"},
    {"content_type": "text/plain\r\nX: 1"},
    {"content_type": "text/plain\x7f"},
    {"length": -1},
    {"status": 100},
    {"status": 101},
    {"status": 199},
    {"status": 600},
    {"status": 0},
])
def test_begin_refuses(server, how):
    """RFC 9112 sections 6 and 11.1, RFC 9110 section 15: ValueError, with nothing sent."""
    with server.wire() as wire:
        wire.send(told(b"/begin", how))
        answer = wire.answer()
        assert answer.status == 422
        assert answer.headers["x"] is None
        assert in_order(wire)


@pytest.mark.parametrize("how", [
    {"headers": {"X": "a\r\nSet-Cookie: b"}},
    {"headers": {"X": "a\rb"}},
    {"headers": {"X": "a\nb"}},
    {"headers": {"X": "a\x00"}},
    {"headers": {"X\r\nY": "a"}},
    {"headers": {"X:": "a"}},
    {"headers": {"": "a"}},
    {"headers": {"X Y": "a"}},
    {"headers": {"Content-Type": "a\r\nSet-Cookie: b"}},
    {"type": "a\r\nSet-Cookie: b"},
    {"status": 600},
    {"status": 199},
])
def test_response_that_cannot_be_is_500(server, how):
    with server.wire() as wire:
        wire.send(told(b"/return", how))
        answer = wire.answer()
        assert answer.status == 500
        assert answer.headers["set-cookie"] is None
        assert in_order(wire)


def test_framing_fields_of_a_response_do_not_count(server):
    with server.wire() as wire:
        headers = {"Content-Length": "99", "Transfer-Encoding": "gzip", "Date": "yesterday", "X": "1"}
        wire.send(told(b"/return", {"body": "abc", "headers": headers}))
        answer = wire.answer()
        assert (answer.status, answer.body, answer.headers["x"]) == (200, b"abc", "1")
        assert answer.headers.get_all("content-length") == ["3"]
        assert answer.headers["transfer-encoding"] is None
        assert "yesterday" not in answer.headers.get_all("date", [])
        assert in_order(wire)


def test_less_than_declared_ends_with_the_connection(server):
    """RFC 9112 section 8: how the client sees that it is incomplete."""
    data = server.exchange(told(b"/begin", {"length": 10, "body": "short"}))
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"\r\nContent-Length: 10" in head
    assert body == b"short"


def test_more_than_declared_is_never_sent(server):
    with server.wire() as wire:
        wire.send(told(b"/begin", {"length": 3, "body": "abcdef"}))
        data = b""
        try:
            while piece := wire.socket.recv(1000):
                data += piece
        except ConnectionResetError:
            pass
        assert b"abcdef" not in data
    assert server.get("/").text == "root"


# ---- connections


@pytest.mark.parametrize(("version", "fields"), [
    (b"1.1", b"Connection: close\r\n"),
    (b"1.1", b"Connection: keep-alive\r\nConnection: x, Close\r\n"),
    (b"1.0", b""),
    (b"1.0", b"Connection: keep-alive, close\r\n"),
])
def test_nothing_is_answered_after_close(server, version, fields):
    """RFC 9112 section 9.6: what was pipelined behind it is not processed."""
    request = b"GET /str HTTP/%s\r\nHost: t\r\n%s\r\n" % (version, fields)
    data = server.exchange(request + request * 3 + b"GET /purge HTTP/1.1\r\nHost: t\r\n\r\n")
    assert data.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in data


def test_nothing_is_answered_after_a_refusal(server):
    good = b"GET /str HTTP/1.1\r\nHost: t\r\n\r\n"
    data = server.exchange(good + b"GET /str HTTP/1.1\r\nHost: t\r\nX : 1\r\n\r\n" + good)
    assert [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:]] == [200, 400]


@pytest.mark.parametrize("path", ["/return", "/begin"])
def test_program_closes(server, path):
    fields = {"headers": {"Connection": "close"}} if path == "/return" else {"fields": "Connection: x, close\r\n"}
    data = server.exchange(told(path.encode(), {"body": "last", **fields}) + b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
    assert data.count(b"HTTP/1.1 ") == 1
    assert b"last" in data


def test_upgrade_in_an_answer_is_said_of_the_connection(server):
    """RFC 9110 sections 7.8 and 15.5.22."""
    with server.wire() as wire:
        wire.send(told(b"/return", {"status": 426, "headers": {"Upgrade": "websocket"}}))
        answer = wire.answer()
        assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")
        assert answer.headers["connection"] == "upgrade"
        assert in_order(wire)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_upgrade_may_be_ignored(server, version):
    with server.wire() as wire:
        wire.get("/str", "Connection: Upgrade, keep-alive, X\r\nUpgrade: h2c\r\nX: y\r\n", version)
        answer = wire.answer()
        assert (answer.status, answer.headers["upgrade"]) == (200, None)
        assert in_order(wire)


# ---- Expect


def test_continue_is_not_said_to_1_0(server):
    data = server.exchange(b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab")
    assert data.startswith(b"HTTP/1.1 200 ")


def test_continue_is_not_said_where_nobody_wants_the_body(server):
    """A final answer comes instead, and says that the connection ends with it (RFC 9110 section 10.1.1)."""
    data = server.exchange(b"POST /no/such HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nConnection: close\r\n" in data


def test_continue_is_not_said_within_an_answer(server):
    with server.wire() as wire:
        wire.send(b"POST /early HTTP/1.1\r\nHost: t\r\nContent-Length: 20000\r\nExpect: 100-continue\r\n\r\n")
        answer = wire.answer()
        assert (answer.body, answer.headers["connection"]) == (b"early", "close")
        wire.send(b"x")
        assert wire.rest() == b""


# ---- bodies


def test_connection_ends_with_a_malformed_body(server):
    """Also when the handler reads it by itself, and before it is all there."""
    head = b"POST /count HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server.wire() as wire:
        wire.send(head + b"4268\r\n" + b"x" * 17000 + b"\r\nxyz\r\n")
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert wire.rest() == b""
