"""No answer waits for a timer of lwIP: 250 ms (delayed ACKs), 500 ms (persist, retransmission), 64 ms (the board's).

What is measured is how long the line is still before each packet of the server's. On the emulated board time is
virtual and nothing is left to chance: every exchange runs at several moments between two ticks, and no silence may be
longer than it takes Python to answer. On the host it is the median of several rounds, as a wait for a tick would show
in half of them at the least.
"""

import statistics

import pytest

from links import program
from peer import Peer

APP = program("""
TEXT = bytes(range(256)) * 256

@app.get("/big/<int:kilobytes>")
def big(request, kilobytes):
    return TEXT[:kilobytes * 1024]

@app.get("/copied/<int:kilobytes>")
def copied(request, kilobytes):
    return bytearray(TEXT[:kilobytes * 1024])

@app.get("/stream/<int:count>")
def stream(request, count):
    for _ in range(count):
        yield TEXT[:700]

@app.get("/write/<int:kilobytes>")
def write(request, kilobytes):
    request.begin(200, "text/plain", kilobytes * 1024)
    for _ in range(kilobytes):
        request.write(TEXT[:1024])
    request.end()

@app.get("/busy/<int:ms>")
def busy(request, ms):
    end = time.ticks_add(time.ticks_ms(), ms)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        pass
    return "busy"

@app.post("/count")
def count(request):
    piece, total = bytearray(512), 0
    while n := request.stream.readinto(piece):
        total += n
    return str(total)
""")

TEXT = bytes(range(256)) * 256

# Seconds of silence allowed. Python answers in 3 ms; a garbage collection takes 10.
LIMIT = {"host": 0.06, "rp2040": 0.02}
ROUNDS = {"host": 3, "rp2040": 4}
TICK = 0.25


class Meter:
    """The longest silence before a packet of the server's, within the with-blocks."""

    def __init__(self, link):
        self.link = link
        self.worst = 0.0

    def __enter__(self):
        self.since = len(self.link.log)

    def __exit__(self, *exception):
        self.worst = max([self.worst, *(seconds for seconds, _ in self.link.silences(self.since))])


def body_of(answer):
    return bytes(answer).split(b"\r\n\r\n", 1)[1]


def dechunked(data):
    out = b""
    while True:
        size, data = data.split(b"\r\n", 1)
        size = int(size, 16)
        if size == 0:
            return out
        out += data[:size]
        data = data[size + 2:]


def length_reached(peer, size):
    """Whether head and `size` bytes of body are here."""
    head, end, body = bytes(peer.received).partition(b"\r\n\r\n")
    return bool(end) and len(body) >= size


def sized(link, meter, path, size, **options):
    with meter:
        peer = Peer(link, **options).connect()
        peer.get(path)
        assert peer.wait(lambda: length_reached(peer, size))
    assert body_of(peer.received) == TEXT[:size]
    peer.rst()


def short(link, meter):
    peer = Peer(link)
    with meter:
        peer.connect()
        for _ in range(3):
            peer.get("/")
            peer.expect(b"hello")
            peer.received.clear()
    peer.rst()


def native(link, meter):
    peer = Peer(link)
    with meter:
        peer.connect()
        peer.get("/none")
        peer.expect(b"404 Not Found\n")
    peer.rst()


def by_reference(link, meter):
    sized(link, meter, "/big/40", 40 * 1024)


def by_copy(link, meter):
    sized(link, meter, "/copied/20", 20 * 1024)


def written(link, meter):
    sized(link, meter, "/write/20", 20 * 1024)


def tiny_window(link, meter):
    sized(link, meter, "/big/2", 2048, window=100)


def tiny_segments(link, meter):
    sized(link, meter, "/copied/4", 4096, mss=100, window=300)


def streamed(link, meter, **options):
    peer = Peer(link, **options)
    with meter:
        peer.connect()
        peer.get("/stream/20")
        peer.expect(b"\r\n0\r\n\r\n")
    assert dechunked(body_of(peer.received)) == TEXT[:700] * 20
    peer.rst()


def streamed_to_a_small_window(link, meter):
    streamed(link, meter, window=1000)


def window_in_steps(link, meter):
    """Shut for longer than a tick each time, so that lwIP's persist timer runs; then opened by a bit."""
    peer = Peer(link, limit=200, window=200)
    with meter:
        peer.connect()
    peer.get("/big/2")
    for step in (100, 200, 300, 100, 10_000):
        link.run(0.6)
        enough = peer.limit + step - 99     # lwIP sends whole segments, here of half the window
        with meter:
            peer.offer(step)
            assert peer.wait(lambda enough=enough: len(peer.received) >= enough or length_reached(peer, 2048))
    assert body_of(peer.received) == TEXT[:2048]
    peer.rst()


def upload(link, meter):
    """A body larger than the receive window (of the board: 3,200 bytes)."""
    peer = Peer(link)
    with meter:
        peer.connect()
        peer.send(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 15000\r\n\r\n" + TEXT[:15000])
        assert peer.wait(lambda: length_reached(peer, 15000))
    assert body_of(peer.received) == TEXT[:15000]
    peer.rst()


def pulled_upload(link, meter):
    peer = Peer(link)
    with meter:
        peer.connect()
        peer.send(b"POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: 40000\r\n\r\n" + TEXT[:40000])
        peer.expect(b"\r\n\r\n40000")
    peer.rst()


def expect_continue(link, meter):
    peer = Peer(link)
    with meter:
        peer.connect()
        peer.send(b"POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        peer.expect(b"100 Continue\r\n\r\n")
        peer.send(b"there")
        peer.expect(b"there")
    peer.rst()


def pipelined(link, meter):
    peer = Peer(link)
    with meter:
        peer.connect()
        peer.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n" * 12 + b"GET /none HTTP/1.1\r\nHost: t\r\n\r\n")
        peer.expect(b"404 Not Found\n")
    assert peer.received.count(b"hello") == 12
    peer.rst()


def sixteen_at_once(link, meter):
    peers = [Peer(link) for _ in range(16)]
    with meter:
        for peer in peers:
            peer.syn()
        assert link.pump(lambda: all(peer.open for peer in peers))
        for peer in peers:
            peer.get("/big/2")
        assert link.pump(lambda: all(length_reached(peer, 2048) for peer in peers))
    for peer in peers:
        assert body_of(peer.received) == TEXT[:2048]
        peer.rst()


def before_anyone_polls(link, meter):
    """Connections and requests that come while Python is busy: all are answered as soon as it is not."""
    first, others = Peer(link).connect(), [Peer(link) for _ in range(8)]
    first.get("/busy/400")
    link.run(0.1)
    for peer in others:
        peer.connect().get("/")
    assert first.wait(lambda: first.received)
    with meter:
        first.expect(b"busy")
        assert link.pump(lambda: all(peer.received.endswith(b"hello") for peer in others))
    for peer in (first, *others):
        peer.rst()


def in_pieces(link, meter, request=b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 12\r\n\r\nhello, world"):
    """A client that holds each small piece back until the one before is acknowledged (RFC 896, Nagle)."""
    peer = Peer(link)
    with meter:
        peer.connect()
        for at in range(0, len(request), 20):
            peer.send(request[at:at + 20])
            assert peer.wait(lambda: peer.in_flight == 0)
        peer.expect(b"hello, world")
    peer.rst()


def out_of_order(link, meter):
    peer = Peer(link)
    request = b"GET /big/1 HTTP/1.1\r\nHost: t\r\n\r\n"
    with meter:
        peer.connect()
        start = peer.sequence
        peer.transmit(data=request[20:], sequence=start + 20)
        peer.wait(lambda: False, 0.03)      # a duplicate ACK comes
        peer.transmit(data=request[:20], sequence=start)
        peer.sequence = start + len(request)
        assert peer.wait(lambda: length_reached(peer, 1024))
    peer.rst()


def closed_by_the_server(link, meter):
    """The FIN too comes at once, and the last ACK."""
    peer = Peer(link)
    with meter:
        peer.connect()
        peer.get("/big/1", "Connection: close\r\n")
        assert peer.wait(lambda: peer.finished)
        peer.fin()
        assert peer.wait(lambda: peer.in_flight == 0)
    peer.forget()


def closed_by_the_client(link, meter):
    peer = Peer(link)
    with meter:
        peer.connect()
        peer.get("/")
        peer.fin()
        assert peer.wait(lambda: peer.finished and peer.in_flight == 0)
    assert peer.received.endswith(b"hello")
    peer.forget()


EXCHANGES = [
    short, native, by_reference, by_copy, written, tiny_window, tiny_segments, streamed, streamed_to_a_small_window,
    window_in_steps, upload, pulled_upload, expect_continue, pipelined, sixteen_at_once, before_anyone_polls, in_pieces,
    out_of_order, closed_by_the_server, closed_by_the_client,
]


TARGETS = ["host", "rp2040"]


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_no_silence_is_long(server, exchange):
    rounds, limit = ROUNDS[server.target], LIMIT[server.target]
    found = []
    for number in range(rounds):
        server.link.run(TICK * number / rounds)
        meter = Meter(server.link)
        exchange(server.link, meter)
        found.append(round(meter.worst, 4))
        assert not server.console.replace("ready", "").strip(), server.console
    assert (max if server.target == "rp2040" else statistics.median)(found) < limit, found
