"""Answer, then close: the answer reaches a client that is still sending, and no RST comes before it has read it."""

import time

import pytest
from dpkt.tcp import TH_FIN, TH_RST

from links import program, read_all, threads
from peer import Peer

APP = program(max_connections=12, head_timeout=2, progress_timeout=8)
CONNECTIONS = 12
UPLOAD = b"Content-Length: 4000000\r\n\r\n"

OPENINGS = {
    "400": b"GET /\x01 HTTP/1.1\r\n",
    "404": b"POST /none HTTP/1.1\r\nHost: x\r\n" + UPLOAD,
    "405": b"POST / HTTP/1.1\r\nHost: x\r\n" + UPLOAD,
    "408": b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "413": b"POST /echo HTTP/1.1\r\nHost: x\r\n" + UPLOAD,
    "414": b"GET /" + b"a" * 1500,
    "417": b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: rain\r\n" + UPLOAD,
    "431": b"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + b"a" * 2500,
    "501": b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "503": b"POST /echo HTTP/1.1\r\nHost: x\r\n" + UPLOAD,
    "505": b"POST /echo HTTP/2.0\r\nHost: x\r\n" + UPLOAD,
}

# Bytes, and rounds between them. Of a slow head not so many that it is too large before it is too late.
PACE = {"408": (1, 4)}
USUAL_PACE = (500, 1)
ROUND = 0.02
SENDING = 4.5       # seconds: longer than an answered connection waits for a client that is silent


def check_answer(answer, status):
    head, body = answer.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status.encode())
    assert b"Connection: close" in head or status in ("404", "405")
    assert b"Content-Length: %d\r\n" % len(body) in head


def upload(link, statuses):
    """Clients that send on and on without reading: every byte is acknowledged, and nothing is reset."""
    peers = {status: Peer(link).connect() for status in statuses}
    for status, peer in peers.items():
        peer.send(OPENINGS[status])
    until, number = link.now + SENDING, 0
    while link.now < until:
        link.run(ROUND)
        number += 1
        for status, peer in peers.items():
            size, rounds = PACE.get(status, USUAL_PACE)
            if number % rounds == 0:
                peer.send(b"x" * size)
            assert not peer.reset, status
    for status, peer in peers.items():
        assert peer.wait(lambda peer=peer: peer.in_flight == 0), status
        assert peer.finished, status
        check_answer(bytes(peer.received), status)
        peer.fin()
    link.run(0.2)
    for status, peer in peers.items():
        assert peer.in_flight == 0 and not peer.reset, status
        peer.forget()


def test_answers_reach_clients_that_are_still_sending(server):
    upload(server.link, [status for status in OPENINGS if status != "503"])


def test_no_room_reaches_a_client_that_is_still_sending(server):
    taken = [Peer(server.link).connect() for _ in range(CONNECTIONS)]
    for peer in taken:
        peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    upload(server.link, ["503"])
    for peer in taken:
        peer.rst()


def upload_by_kernel(server, status):
    """The same with the kernel's TCP. Returns the client's port."""
    size, rounds = PACE.get(status, USUAL_PACE)
    with server.connect() as s:
        s.sendall(OPENINGS[status])
        until = time.monotonic() + SENDING
        while time.monotonic() < until:
            s.sendall(b"x" * size)
            time.sleep(ROUND * rounds)
        check_answer(read_all(s), status)       # only now
        return s.getsockname()[1]


@pytest.mark.parametrize("server", ["host"], indirect=True)
def test_the_kernel_as_client_seen_by_tcpdump(server):
    ports = {}
    statuses = [status for status in OPENINGS if status != "503"]
    with server.trace() as trace, threads(
        [lambda status=status: ports.update({status: upload_by_kernel(server, status)}) for status in statuses]
    ):
        pass
    assert len(ports) == len(statuses)
    for status, port in ports.items():
        segments = trace.of(port)
        sent = [segment for segment in segments if segment.from_server]
        assert not any(segment.flags & TH_RST for segment in segments), status
        assert any(segment.flags & TH_FIN for segment in sent), status
        last = max(segment.sequence + segment.length for segment in segments if not segment.from_server)
        assert sent[-1].acknowledged == last + 1, "all that the client sent, and its FIN"
