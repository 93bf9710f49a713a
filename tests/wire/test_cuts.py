"""A client that goes away, by FIN or RST, after every byte of a request, and at every byte of an answer."""

import pytest
from dpkt.tcp import TH_ACK, TH_FIN

from links import program
from peer import MASK, Peer

APP = program("""
@app.get("/some")
def some(request):
    return TEXT

TEXT = bytes(range(256)) + b"." * 100
""")
TEXT = bytes(range(256)) + b"." * 100

GET = b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nsome body"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" \
    b"5;a=b\r\nsome \r\n4\r\nbody\r\n0\r\nTrailer: x\r\n\r\n"


def statuses(answer):
    """Of a stream of answers with Content-Length, to its end."""
    found = []
    while answer:
        head, rest = answer.split(b"\r\n\r\n", 1)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert len(rest) >= length, "cut short"
        found.append(int(head.split(b" ")[1]))
        answer = rest[length:]
    return found


@pytest.mark.parametrize("request_bytes", [GET, POST, CHUNKED], ids=["get", "post", "chunked"])
@pytest.mark.parametrize("pieces", [1, 3], ids=["whole", "pieces"])
def test_fin_after_every_byte(server, nothing_left, request_bytes, pieces):
    """A whole request is answered; of one that is cut short the handler never hears."""
    head_len = request_bytes.index(b"\r\n\r\n") + 4
    for cut in range(len(request_bytes) + 1):
        peer = Peer(server.link).connect()
        for piece in range(pieces):
            peer.send(request_bytes[:cut][cut * piece // pieces:cut * (piece + 1) // pieces])
        peer.fin()
        assert peer.wait(lambda peer=peer: peer.finished or peer.reset), cut
        peer.forget()
        assert not peer.reset, cut
        expected = [200] if cut == len(request_bytes) else [400] if cut >= head_len else []
        assert statuses(bytes(peer.received)) == expected, cut


@pytest.mark.parametrize("request_bytes", [GET, POST, CHUNKED], ids=["get", "post", "chunked"])
def test_rst_after_every_byte(server, nothing_left, request_bytes):
    for cut in range(len(request_bytes) + 1):
        peer = Peer(server.link).connect()
        peer.send(request_bytes[:cut])
        if cut % 2:
            server.link.run(0.003)      # some before the answer, some after
        peer.rst()


@pytest.mark.parametrize("flag", ["fin", "rst"])
def test_end_at_every_byte_of_an_answer(server, nothing_left, flag):
    """The client has acknowledged so many bytes of the answer, and goes; after a FIN it takes the rest."""
    size = None
    cut = 0
    while size is None or cut <= size:
        peer = Peer(server.link).connect()
        start = peer.next
        peer.acks = False
        peer.get("/some")
        assert peer.wait(lambda peer=peer: peer.received.endswith(TEXT))
        size = len(peer.received)
        peer.next = (start + cut) & MASK
        if flag == "rst":
            peer.transmit()
            peer.rst()
        else:
            peer.transmit(TH_FIN | TH_ACK)
            peer.sequence += 1
            peer.next = (start + size) & MASK
            peer.acks = True
            peer.transmit()
            assert peer.wait(lambda peer=peer: peer.finished and not peer.reset), cut
            peer.forget()
        cut += 1
