"""WebSockets: RFC 6455's requirements on a server, frame by frame; and clients that others wrote.

docs/websocket.md lists the requirements.
"""

import base64
import contextlib
import hashlib
import json
import os
import threading
import time
from pathlib import Path

import pytest
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame, read_frame
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect
from wsproto import ConnectionType, WSConnection
from wsproto import events as wsevents

PROGRAM = (Path(__file__).parent / "sockets.py").read_text()
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FIELDS = {"Host": "test", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
          "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.fixture
def server(program):
    running = program(PROGRAM)
    told(running)
    return running


def told(server):
    """What the program has logged since it was last asked."""
    return server.get("/log").json()


def wait_for(server, *wanted):
    """Until the program has logged these, in this order, whatever else."""
    began, left, seen = time.monotonic(), list(wanted), []
    while left:
        for one in told(server):
            seen.append(one)
            if left and one == left[0]:
                left.pop(0)
        assert time.monotonic() - began < server.patience, (seen, left)
        time.sleep(0.05)


def request(path, changes=(), line="GET %s HTTP/1.1"):
    fields = {**FIELDS, **dict(changes)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return (line % path + "\r\n" + lines + "\r\n").encode()


class Client:
    """A WebSocket client that may do what none should."""

    def __init__(self, server, path="/echo", changes=(), behind=b"", buffer=None):
        self.wire = server.wire(buffer)
        self.wire.send(behind + request(path, changes))
        if behind:
            assert self.wire.answer().status == 200
        self.file = self.wire.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.fields = {}
        while (line := self.file.readline().decode().strip()):
            name, _, value = line.partition(": ")
            assert name.lower() not in self.fields
            self.fields[name.lower()] = value

    def __enter__(self):
        assert self.status == 101
        return self

    def __exit__(self, *exception):
        self.wire.socket.close()

    def send(self, opcode, payload=b"", **how):
        self.wire.send(frame(opcode, payload, **how))

    def read(self):
        return read_frame(self.file)

    def ends_with(self, code, reason=""):
        """The server's close frame, then its FIN: in this order, and nothing else."""
        assert self.read() == (CLOSE, b"" if code is None else close_payload(code, reason))
        assert self.wire.rest() == b""

    def close(self, code=1000):
        self.send(CLOSE, close_payload(code))
        self.ends_with(code)


def is_fine(server):
    """Others are served, and WebSockets too."""
    assert server.get("/").text == "index"
    with Client(server) as client:
        client.send(TEXT, b"fine")
        assert client.read() == (TEXT, b"fine")
        client.close()


# ---- the opening handshake: sections 4.2.1 and 4.2.2


def test_handshake_is_answered(server):
    key = base64.b64encode(os.urandom(16)).decode()
    with Client(server, changes={"Sec-WebSocket-Key": key}) as client:
        accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        assert client.fields["upgrade"].lower() == "websocket"
        assert client.fields["connection"].lower() == "upgrade"
        assert client.fields["sec-websocket-accept"] == accept
        assert set(client.fields) == {"upgrade", "connection", "sec-websocket-accept"}
        client.close()


@pytest.mark.parametrize("changes", [
    {"Connection": "keep-alive, Upgrade"}, {"Connection": "upgrade"}, {"Upgrade": "WebSocket"},
    {"Upgrade": "h2c, websocket"}, {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits, x"},
    {"Origin": "https://elsewhere.example"}, {"Sec-WebSocket-Protocol": "chat"},
])
def test_handshake_in_other_words(server, changes):
    with Client(server, changes=changes) as client:
        assert not {"sec-websocket-extensions", "sec-websocket-protocol"} & set(client.fields)
        client.send(TEXT, b"plain")
        assert client.read() == (TEXT, b"plain")
        client.close()


@pytest.mark.parametrize(("changes", "line", "status"), [
    ({"Upgrade": None}, "GET %s HTTP/1.1", 426),
    ({"Upgrade": "h2c"}, "GET %s HTTP/1.1", 426),
    ({"Connection": None}, "GET %s HTTP/1.1", 426),
    ({"Connection": "keep-alive"}, "GET %s HTTP/1.1", 426),
    ({"Sec-WebSocket-Version": None}, "GET %s HTTP/1.1", 426),
    ({"Sec-WebSocket-Version": "8"}, "GET %s HTTP/1.1", 426),
    ({"Sec-WebSocket-Version": "7, 8, 13"}, "GET %s HTTP/1.1", 426),
    ({}, "GET %s HTTP/1.0", 426),
    ({"Sec-WebSocket-Key": None}, "GET %s HTTP/1.1", 400),
    ({"Sec-WebSocket-Key": "c2hvcnQ="}, "GET %s HTTP/1.1", 400),
    ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZSE="}, "GET %s HTTP/1.1", 400),
    ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ!=="}, "GET %s HTTP/1.1", 400),
    ({"Content-Length": "0", "Host": None}, "GET %s HTTP/1.1", 400),
    ({}, "POST %s HTTP/1.1", 501),
])
def test_handshake_is_refused(server, changes, line, status):
    with server.wire() as wire:
        wire.send(request("/echo", changes, line))
        answer = wire.answer()
        assert answer.status == status
        if status == 426:
            assert answer.headers["sec-websocket-version"] == "13"
            assert answer.headers["upgrade"] == "websocket"
            assert "upgrade" in answer.headers.get_all("connection")
    is_fine(server)


def test_handshake_refused_leaves_the_connection(server):
    with server.wire() as wire:
        wire.send(request("/echo", {"Sec-WebSocket-Version": "8"}))
        assert wire.answer().status == 426
        wire.get("/")
        assert wire.answer().body == b"index"


def test_head_is_no_handshake(server):
    with server.wire() as wire:
        wire.send(request("/echo", line="HEAD %s HTTP/1.1"))
        assert wire.answer("HEAD").status == 426


def test_handshake_with_a_body_is_refused(server):
    with server.wire() as wire:
        wire.send(request("/echo", {"Content-Length": "2"}) + b"ab")
        assert wire.answer().status == 400


def test_other_paths_ignore_upgrade(server):
    with server.wire() as wire:
        wire.send(request("/"))
        assert wire.answer().body == b"index"


@pytest.mark.parametrize(("offered", "chosen"), [
    ("a", "a"), ("a, b", "b"), ("x, a", "a"), ("A", None), ("x", None), (None, None), ("ab,b", "b"),
])
def test_protocol(server, offered, chosen):
    with Client(server, "/about/n", {"Sec-WebSocket-Protocol": offered}) as client:
        assert client.fields.get("sec-websocket-protocol") == chosen
        client.send(TEXT, b"?")
        assert json.loads(client.read()[1])["protocol"] == chosen
        client.close()


@pytest.mark.parametrize(("origin", "status"), [
    (None, 101), ("https://good.example", 101), ("http://test", 101), ("https://bad.example", 403), ("null", 403),
    ("http://good.example", 403), ("https://good.example.bad", 403),
])
def test_origin(server, origin, status):
    client = Client(server, "/origin", {"Origin": origin})
    assert client.status == status
    if status == 101:
        assert client.read() == (TEXT, b"in")
        client.close()
    client.wire.socket.close()


def test_request_can_be_read_as_long_as_the_program_likes(server):
    fields = {"Cookie": "k=v", "User-Agent": "me"}
    with Client(server, "/about/caf%C3%A9?q=1", fields) as client:
        server.get("/")
        client.send(TEXT, b"?")
        about = json.loads(client.read()[1])
        assert about.pop("client")[0]
        assert about == {"name": "café", "path": "/about/café", "query": {"q": "1"}, "cookies": {"k": "v"},
                         "agent": "me", "protocol": None, "begun": True}
        client.close()


def test_frames_right_behind_the_handshake(server):
    with server.wire() as wire:
        wire.send(request("/echo") + frame(TEXT, b"early") + frame(PING, b"p") + frame(CLOSE))
        data = wire.rest()
    frames = data.partition(b"\r\n\r\n")[2]
    # the pong may overtake the message, which has to go by way of Python; the close frame may overtake both
    assert frames.endswith(b"\x88\x00")
    assert b"\x8a\x01p" in frames
    wait_for(server, ["closed", 1005, ""])


def test_handshake_behind_another_request(server):
    with Client(server, behind=b"GET / HTTP/1.1\r\nHost: t\r\n\r\n") as client:
        client.send(TEXT, b"x")
        assert client.read() == (TEXT, b"x")
        client.close()


# ---- frames: section 5


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 255, 256, 1000])
def test_messages_come_back(server, length):
    with Client(server) as client:
        for opcode in (TEXT, BINARY):
            payload = bytes(i % (128 if opcode == TEXT else 256) for i in range(length))
            client.send(opcode, payload)
            assert client.read() == (opcode, payload)
        client.close()


def test_long_messages_come_back(server):
    payload = "blåbær".encode() * 2500
    with Client(server, "/async/long") as client:
        client.send(TEXT, payload)
        assert client.read() == (TEXT, payload)
        client.close()


def test_bytes_one_by_one(server):
    data = frame(TEXT, "é".encode(), fin=False) + frame(PING, b"p") + frame(CONTINUATION, b"z" * 130)
    with Client(server) as client:
        for i in range(len(data)):
            client.wire.send(data[i : i + 1])
        assert client.read() == (PONG, b"p")
        assert client.read() == (TEXT, "é".encode() + b"z" * 130)
        client.close()


def test_fragments(server):
    with Client(server) as client:
        client.send(BINARY, b"", fin=False)
        client.send(CONTINUATION, b"\xff\x00", fin=False)
        client.send(PING, b"between")
        assert client.read() == (PONG, b"between")
        client.send(CONTINUATION, b"end")
        assert client.read() == (BINARY, b"\xff\x00end")
        client.close()


def test_pong_is_ignored(server):
    with Client(server) as client:
        client.send(PONG, b"unasked")
        client.send(TEXT, b"x")
        assert client.read() == (TEXT, b"x")
        client.close()


FAILURES = {
    "not masked": (frame(TEXT, b"x", mask=None), 1002),
    "RSV1": (frame(TEXT, b"x", rsv=4), 1002),
    "RSV2": (frame(TEXT, b"x", rsv=2), 1002),
    "RSV3": (frame(PING, b"x", rsv=1), 1002),
    "reserved data opcode": (frame(3, b"x"), 1002),
    "reserved control opcode": (frame(11, b""), 1002),
    "long ping": (frame(PING, b"x" * 126), 1002),
    "ping in fragments": (frame(PING, b"x", fin=False), 1002),
    "continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "message within a message": (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
    "length in more bytes than it needs": (frame(TEXT, b"x", size=2), 1002),
    "length in eight bytes": (frame(TEXT, b"x", size=8), 1002),
    "length of 64 bits": (frame(BINARY, length=2**63, size=8), 1002),
    "too long": (frame(BINARY, length=1001), 1009),
    "far too long": (frame(BINARY, length=2**63 - 1, size=8), 1009),
    "too long in fragments": (frame(TEXT, b"x" * 999, fin=False) + frame(CONTINUATION, b"yz"), 1009),
    "not UTF-8": (frame(TEXT, b"\xff"), 1007),
    "half a character": (frame(TEXT, b"\xc3"), 1007),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "not UTF-8, found before the end": (frame(TEXT, b"ok\xf5", fin=False), 1007),
    "character broken by the end of a fragmented message":
        (frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION), 1007),
    "close of one byte": (frame(CLOSE, b"x"), 1002),
    "close with 1005": (frame(CLOSE, close_payload(1005)), 1002),
    "close with 1006": (frame(CLOSE, close_payload(1006)), 1002),
    "close with 999": (frame(CLOSE, close_payload(999)), 1002),
    "close with 5000": (frame(CLOSE, close_payload(5000)), 1002),
    "close whose reason is not UTF-8": (frame(CLOSE, b"\x03\xe8\xff"), 1007),
}


@pytest.mark.parametrize("what", FAILURES)
def test_failures(server, what):
    """Sections 5.1, 5.2, 5.4, 5.5, 7.4 and 8.1: the close frame says why, and TCP ends in good order behind it."""
    data, code = FAILURES[what]
    with Client(server) as client:
        client.wire.send(data + frame(TEXT, b"behind"))
        client.ends_with(code)
    wait_for(server, ["closed", code, ""])
    assert told(server) == []
    assert server.get("/").text == "index"


def test_what_came_before_a_failure_counts(server):
    with Client(server, "/log-all") as client:
        client.wire.send(frame(TEXT, b"one") + frame(BINARY, b"four") + frame(3))
        client.ends_with(1002)
    wait_for(server, "one", 4, ["closed", 1002, ""])


# ---- closing: section 7


@pytest.mark.parametrize(("payload", "code", "reason"), [
    (b"", 1005, ""), (close_payload(1000), 1000, ""), (close_payload(1001, "away"), 1001, "away"),
    (close_payload(3000), 3000, ""), (close_payload(4999, "é" * 61), 4999, "é" * 61), (close_payload(1014), 1014, ""),
])
def test_close_is_echoed(server, payload, code, reason):
    with Client(server) as client:
        client.send(CLOSE, payload)
        client.ends_with(code if payload else None)
    wait_for(server, ["closed", code, reason])


def test_nothing_is_read_behind_a_close(server):
    with Client(server, "/log-all") as client:
        client.wire.send(frame(CLOSE, close_payload(1000)) + frame(TEXT, b"late") + b"\xff" * 5000)
        client.ends_with(1000)
    wait_for(server, ["closed", 1000, ""])
    assert told(server) == []


@pytest.mark.parametrize(("how", "code", "reason"), [
    ([], 1000, ""), ([1001], 1001, ""), ([4000, "so"], 4000, "so"), ([1000, "x" * 123], 1000, "x" * 123),
])
def test_program_closes(server, how, code, reason):
    with Client(server, "/told") as client:
        client.send(TEXT, json.dumps(["close", *how]).encode())
        assert client.read() == (CLOSE, close_payload(code, reason))
        client.send(TEXT, b"[]")  # which nobody hears any more
        client.send(PING, b"nor answers")
        client.send(CLOSE, close_payload(code))
        assert client.wire.rest() == b""
    wait_for(server, ["closed", code, ""])


@pytest.mark.parametrize("how", [[1005], [1006], [1015], [999], [5000], [-1], [0], [1000, "x" * 124]])
def test_program_cannot_close_with(server, how):
    with Client(server, "/told") as client:
        client.send(TEXT, json.dumps(["close", *how]).encode())
        assert b"must be" in client.read()[1]
        client.close()


def test_client_that_does_not_answer_a_close(server):
    with Client(server, "/told") as client:
        client.send(TEXT, b'["close", 1000]')
        assert client.read() == (CLOSE, close_payload(1000))
        began = time.monotonic()
        assert client.wire.rest() == b""
        assert 2 < time.monotonic() - began < server.patience
    wait_for(server, ["closed", 1006, ""])


def test_object_is_no_message(server):
    with Client(server, "/told") as client:
        client.send(TEXT, b'["object"]')
        assert b"must be str or bytes" in client.read()[1]
        client.close()


@pytest.mark.parametrize(("path", "words"), [
    ("/told", "the message's own words"), ("/raise-open", "at the very beginning"),
    ("/async/raise", "the task's own words"),
])
def test_program_that_raises(server, path, words):
    """1011 for the client, the traceback on the console, and the server goes on."""
    before = server.console.count(words)
    with Client(server, path) as client:
        client.send(TEXT, b'["raise"]')
        client.ends_with(1011)
    while server.console.count(words) == before:
        time.sleep(0.05)
    is_fine(server)


@pytest.mark.parametrize("how", ["end", "vanish"])
def test_client_that_leaves_without_a_word(server, how):
    with Client(server) as client:
        getattr(client.wire, how)()
        wait_for(server, ["closed", 1006, ""])
        if how == "end":
            assert client.wire.rest() == b""
    with Client(server, "/async/echo") as client:
        getattr(client.wire, how)()
        wait_for(server, ["async closed", 1006, ""])
    is_fine(server)


def test_client_that_leaves_in_the_middle_of_a_frame(server):
    with Client(server) as client:
        client.wire.send(frame(TEXT, b"x" * 100)[:50])
        client.wire.vanish()
        wait_for(server, ["closed", 1006, ""])


# ---- signs of life: sections 5.5.2 and 5.5.3


@pytest.mark.parametrize("payload", [b"", b"x", bytes(125)])
def test_ping_is_answered(server, payload):
    with Client(server) as client:
        client.send(PING, payload)
        assert client.read() == (PONG, payload)
        client.close()


def test_many_pings_are_answered(server):
    with Client(server) as client:
        for number in range(100):
            client.send(PING, b"%d" % number * 30)
        for number in range(100):
            assert client.read() == (PONG, b"%d" % number * 30)
        client.close()


def test_ping_is_answered_while_python_is_busy(server):
    with Client(server) as client, server.wire() as other:
        other.get("/sleep/2500")
        time.sleep(0.3)
        client.send(PING, b"now")
        client.wire.socket.settimeout(server.patience)
        assert client.read() == (PONG, b"now")
        other.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.socket.recv(1)
        other.socket.settimeout(server.patience)
        assert other.answer().body == b"slept"
        client.close()


def test_silent_client_is_asked(server):
    with Client(server, "/alive") as client:
        for _ in range(3):
            assert client.read() == (PING, b"")
            client.send(PONG)
        client.close()
    wait_for(server, ["closed", 1000, ""])


def test_client_that_gives_no_sign_of_life_is_dropped(server):
    with Client(server, "/alive") as client:
        began = time.monotonic()
        assert client.read() == (PING, b"")
        assert client.wire.is_over()
        assert time.monotonic() - began < server.patience / 2
    wait_for(server, ["closed", 1006, ""])


def test_program_asks(server):
    with Client(server, "/told") as client:
        client.send(TEXT, b'["ping"]')
        assert client.read() == (PING, b"")
        client.close()


# ---- slow clients, and fast ones


def test_client_that_does_not_read(server):
    """It can keep nobody waiting: send() says False, others are served; in the end it is dropped."""
    with Client(server, "/fill/1000") as client:
        sent = None
        while sent is None:
            sent = next((one for one in told(server) if isinstance(one, int)), None)
        assert sent > 3
        is_fine(server)
        for number in range(sent):
            assert client.read() == (TEXT, b"%04d" % number * 250)
        client.send(TEXT, b"again")
        wait_for(server, True)
        assert client.read() == (TEXT, b"again")
        client.close()


def test_messages_wait_for_a_busy_program(server):
    """More than max_message of them, and then in the client's own queue: none is lost."""
    with Client(server, "/log-all") as client, server.wire() as other:
        other.get("/sleep/1000")
        time.sleep(0.2)
        for number in range(300):
            client.send(TEXT, b"%03d" % number * 20)
        assert other.answer().body == b"slept"
        wait_for(server, *["%03d" % number * 20 for number in range(300)])
        client.close()


def test_broadcast(server):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server, "/room")) for _ in range(4)]
        assert server.get("/broadcast/room/0").json() == {"sent": 4, "size": 4}
        for client in clients:
            assert client.read() == (TEXT, b"room")
        clients[0].close()
        wait_for(server, ["closed", 1000, ""])
        assert server.get("/broadcast/room/5").json() == {"sent": 3, "size": 3}
        for client in clients[1:]:
            assert client.read() == (TEXT, b"roomxxxxx")
            client.close()


@pytest.mark.parametrize("name", ["room", "strict"])
def test_broadcast_does_not_wait_for_a_slow_client(server, name):
    """It misses messages; or, from a strict room, it is closed."""
    message = name.encode() + b"x" * 3000
    with Client(server, "/" + name, buffer=4096) as slow, Client(server, "/" + name) as quick, server.wire() as wire:
        def broadcast(size):
            wire.get(f"/broadcast/{name}/{size}")
            return json.loads(wire.answer().body)["sent"]

        taken = 0
        while broadcast(3000) == 2:
            assert quick.read() == (TEXT, message)
            taken += 1
            assert taken < 2000
        assert quick.read() == (TEXT, message)
        for _ in range(taken):
            assert slow.read() == (TEXT, message)
        if name == "strict":
            assert slow.read() == (CLOSE, close_payload(1013, "too slow"))
            slow.send(CLOSE, close_payload(1013))
            assert slow.wire.rest() == b""
        else:
            assert broadcast(0) == 2
            assert slow.read() == quick.read() == (TEXT, b"room")
            slow.close()
        quick.close()


def test_no_memory_for_another(server):
    with server.wire() as wire:
        wire.send(request("/async/huge"))
        answer = wire.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        wire.get("/")
        assert wire.answer().body == b"index"


# ---- asynchronous ones


def test_async_function_that_returns(server):
    for path, code, reason in (("/async/return/0", 1000, ""), ("/async/return/4001", 4001, "enough")):
        with Client(server, path) as client:
            assert client.read() == (TEXT, b"bye")
            assert client.read() == (CLOSE, close_payload(code, reason))
            client.send(CLOSE, close_payload(code))
            assert client.wire.rest() == b""


def test_async_send_waits_for_its_client_alone(server):
    with Client(server, "/async/flood") as client:
        is_fine(server)
        for number in range(200):
            assert client.read() == (TEXT, b"%03d" % number * 100)
        assert client.read() == (CLOSE, close_payload(1000))
        client.send(CLOSE, close_payload(1000))
    wait_for(server, "all sent", "finally")


def test_async_send_to_a_client_that_is_gone(server):
    with Client(server, "/async/flood") as client:
        client.read()
        client.wire.vanish()
    wait_for(server, "finally")
    is_fine(server)


# ---- clients that others wrote


@pytest.fixture
def url(server):
    return server.url.replace("http", "ws")


@pytest.mark.parametrize("path", ["/echo", "/async/echo", "/added"])
def test_websockets_library(server, url, path):
    with connect(url + path, open_timeout=server.patience, close_timeout=server.patience, proxy=None) as ws:
        assert ws.response.headers.get("Sec-WebSocket-Extensions") is None
        for message in ("text", "blåbær €𝄞", b"\x00\xff" * 300, "", b"", "y" * 999):
            ws.send(message)
            assert ws.recv(server.patience) == message
        ws.send(["in ", "three ", "pieces"])
        assert ws.recv(server.patience) == "in three pieces"
        assert ws.ping(b"payload").wait(server.patience)
        ws.close(4321, "enough")
    assert ws.protocol.close_rcvd.code == 4321


def test_websockets_library_closed_by_us(server, url):
    options = {"open_timeout": server.patience, "close_timeout": server.patience, "proxy": None}
    with connect(url + "/told", **options) as ws:
        ws.send('["close", 4000, "so"]')
        with pytest.raises(ConnectionClosedError) as closed:
            ws.recv(server.patience)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, "so")
    with connect(url + "/async/return/0", **options) as ws:
        assert ws.recv(server.patience) == "bye"
        with pytest.raises(ConnectionClosedOK):
            ws.recv(server.patience)
    with connect(url + "/echo", **options) as ws:
        ws.send("x" * 1001)
        with pytest.raises(ConnectionClosedError) as closed:
            ws.recv(server.patience)
        assert closed.value.rcvd.code == 1009


def test_websockets_library_refused(server, url):
    with pytest.raises(InvalidStatus) as refused:
        connect(url + "/origin", origin="https://bad.example", open_timeout=server.patience, proxy=None)
    assert refused.value.response.status_code == 403


def test_wsproto(server):
    connection = WSConnection(ConnectionType.CLIENT)
    got = []

    def read_until(kind):
        while not any(isinstance(event, kind) for event in got):
            connection.receive_data(wire.socket.recv(4096))
            for event in connection.events():
                got.append(event)
                if isinstance(event, wsevents.Ping):
                    wire.send(connection.send(event.response()))

    with server.wire() as wire:
        wire.send(connection.send(wsevents.Request(host="test", target="/echo", subprotocols=["a"])))
        read_until(wsevents.AcceptConnection)
        assert (got[-1].subprotocol, got[-1].extensions) == (None, [])
        for data in ("text é", b"bytes"):
            wire.send(connection.send(wsevents.Message(data=data)))
            read_until(wsevents.TextMessage if isinstance(data, str) else wsevents.BytesMessage)
            assert got[-1].data == data
        wire.send(connection.send(wsevents.Ping(payload=b"p")))
        read_until(wsevents.Pong)
        wire.send(connection.send(wsevents.CloseConnection(code=1001, reason="away")))
        read_until(wsevents.CloseConnection)
        assert (got[-1].code, wire.rest()) == (1001, b"")


# ---- memory, and other programs


def test_memory_is_used_only_while_open(server):
    def open_and_close():
        for path in ("/echo", "/async/echo", "/room"):
            with Client(server, path) as client:
                client.send(TEXT, b"x" * 900)
                assert path == "/room" or client.read() == (TEXT, b"x" * 900)
                client.close()

    open_and_close()
    before = server.get("/state").json()["free"]
    for _ in range(8):
        open_and_close()
    deadline = time.monotonic() + server.patience
    while time.monotonic() < deadline:  # the collector may take what lies on the stack for a reference
        told(server)
        lost = before - server.get("/state").json()["free"]
        if lost < 2500:
            break
        with Client(server) as client:
            client.close()
    assert lost < 2500


PLAIN = """
import time
import modhttp
app = modhttp.Server(max_connections=%d)

@app.get("/")
def index(request):
    return "index"

@app.get("/stop")
def stop(request):
    app.stop()
    return "stopped"

@app.websocket("/echo")
class Echo(modhttp.WebSocket):
    def on_message(self, message):
        self.send(message)
    def on_close(self, code, reason):
        print("closed", code)

"""

WAYS = {
    "run": "app.run(port=80)",
    "poll": "app.start(port=80)\nwhile app.port:\n    app.poll(1000)",
    "background": "app.start(port=80, background=True)\nwhile app.port:\n    time.sleep(0.1)",
    "asyncio": "import asyncio\nasyncio.run(app.serve(port=80))",
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_serve(program, way):
    server = program(PLAIN % 16 + WAYS[way])
    is_fine(server)
    with Client(server) as one, Client(server) as other:
        for number in range(20):
            for client in (one, other):
                client.send(BINARY, b"%d" % number * number)
                assert client.read() == (BINARY, b"%d" % number * number)
        assert server.get("/").text == "index"
        one.close()
        other.close()
    server.wait_for("closed 1000")


@pytest.mark.parametrize("way", WAYS)
def test_stop_closes(start, way):
    server = start(PLAIN % 16 + WAYS[way] + "\ntime.sleep(3)\n")
    with Client(server) as client:
        with server.wire() as wire:
            wire.get("/stop")
            assert wire.answer().body == b"stopped"
        assert client.read() == (CLOSE, close_payload(1001))
        client.send(CLOSE, close_payload(1001))
        assert client.wire.rest() == b""


def test_each_takes_a_connection(start):
    server = start(PLAIN % 4 + WAYS["run"])
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(Client(server)).send(TEXT, b"x")
        assert Client(server).status == 503
    for _ in range(10):
        if server.get("/").status_code == 200:
            break
        time.sleep(0.5)
    is_fine(server)


def test_many_at_once(server):
    """Ten clients, each of which talks as fast as it can, with requests in between."""
    def talk(number):
        with Client(server, "/echo" if number % 2 else "/async/small") as client:
            for round in range(20):
                message = b"%d " % number * (round + 1)
                client.send(TEXT, message)
                assert client.read() == (TEXT, message)
            client.close()
            done.append(number)

    done = []
    threads = [threading.Thread(target=talk, args=[number]) for number in range(10)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        assert server.get("/").text == "index"
    for thread in threads:
        thread.join(server.patience)
    assert sorted(done) == list(range(10))


def test_async_without_a_loop(program):
    server = program("""
import modhttp
app = modhttp.Server()

@app.websocket("/async")
async def chat(ws):
    pass

app.start(port=80)
while True:
    app.poll(1000)
""")
    assert Client(server, "/async").status == 500
    server.wait_for("needs a loop to run in")


@pytest.mark.parametrize(("option", "words"), [
    ("max_message=0", "max_message must be"), ("max_queue=0", "max_queue must be"), ("ping=-1", "ping"),
])
def test_limits_are_checked(program, option, words):
    """At once, and not at the first client."""
    server = program(f"""
import modhttp
app = modhttp.Server()
try:
    app.websocket("/a", {option})(modhttp.WebSocket)
except ValueError as exc:
    print("refused:", exc)
app.run(port=80)
""")
    server.wait_for("refused: " + words)
