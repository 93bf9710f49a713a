"""A TCP peer made of raw packets: the test says when a segment, an acknowledgement or a window goes out.

A link carries IP packets to and from the server: TapLink and BoardLink in tests/wire/links.py. It keeps a log of them,
with the moments at which each began and ended on the line.
"""

from collections import namedtuple

import dpkt
from dpkt.tcp import TH_ACK, TH_FIN, TH_PUSH, TH_RST, TH_SYN

PATIENCE = 30       # seconds of the link's clock until a test gives up on what should come at once
ISN = 1000
MASK = 0xFFFFFFFF

# A packet on the line; `ours`: sent by the test. Times are seconds of the link's clock.
Packet = namedtuple("Packet", "start end ours ip")


def distance(a, b):
    """a - b of sequence numbers, which wrap."""
    return ((a - b + 0x80000000) & MASK) - 0x80000000


class Link:
    """Subclasses give `now`, `address` and `server` (IPv4 addresses as bytes), put(packet) and take(seconds)."""

    def __init__(self):
        self.log = []
        self.peers = {}
        self.free_port = 20000

    def port(self):
        self.free_port += 1
        return self.free_port

    def send(self, ip):
        data = bytes(ip)
        start, end = self.put(data)
        self.log.append(Packet(start, end, True, dpkt.ip.IP(data)))

    def pump(self, done, seconds=PATIENCE):
        """Let packets come and peers react, until done() or time runs out. Returns done()."""
        until = self.now + seconds
        while not done():
            left = until - self.now
            got = self.take(left) if left > 0 else None
            if got is None:
                break
            start, end, data = got
            ip = dpkt.ip.IP(data)
            self.log.append(Packet(start, end, False, ip))
            if isinstance(ip.data, dpkt.tcp.TCP) and ip.data.dport in self.peers:
                self.peers[ip.data.dport].handle(ip.data)
        return done()

    def run(self, seconds):
        self.pump(lambda: False, seconds)

    def silences(self, since=0):
        """[(seconds, packet)] for the server's packets from log[since:]: how long the line was still before each."""
        found, last = [], None
        for packet in sorted(self.log[since:], key=lambda packet: packet.start):
            if last is not None and not packet.ours:
                found.append((max(0.0, packet.start - last), packet))
            last = packet.end if last is None else max(last, packet.end)
        return found


class Peer:
    """One connection. It takes at once what comes in order, and acknowledges every segment unless `acks` is off.

    `window` is what it offers each time; with `limit`, no more than that many bytes of the stream in all.
    """

    def __init__(self, link, port=80, window=65535, limit=None, mss=1460, address=None):
        self.link, self.port, self.window, self.limit, self.mss = link, port, window, limit, mss
        self.address = address or link.address
        self.source = link.port()
        self.acks = True
        self.sequence = self.unacknowledged = ISN
        self.next = 0                   # what the server's next byte is numbered
        self.received = bytearray()
        self.refused = 0                # bytes that came though the window was shut: probes
        self.open = self.finished = self.reset = False
        self.their_window, self.their_mss = 0, 536
        link.peers[self.source] = self

    def forget(self):
        """Be deaf from now on."""
        self.link.peers.pop(self.source, None)

    # ---- out

    @property
    def room(self):
        left = self.window if self.limit is None else min(self.window, self.limit - len(self.received))
        return max(0, left)

    @property
    def in_flight(self):
        return distance(self.sequence, self.unacknowledged)

    def transmit(self, flags=TH_ACK, data=b"", sequence=None, options=b""):
        """One segment; it does not move our sequence number."""
        sequence = self.sequence if sequence is None else sequence
        tcp = dpkt.tcp.TCP(sport=self.source, dport=self.port, seq=sequence & MASK, ack=self.next, flags=flags,
                           win=min(self.room, 65535), data=data, opts=options)
        tcp.off = 5 + len(options) // 4
        ip = dpkt.ip.IP(src=self.address, dst=self.link.server, p=dpkt.ip.IP_PROTO_TCP, ttl=64, data=tcp)
        ip.len = len(ip)
        self.link.send(ip)

    def syn(self):
        self.transmit(TH_SYN, sequence=ISN, options=b"\2\4" + self.mss.to_bytes(2, "big"))
        self.sequence = ISN + 1

    def connect(self, seconds=PATIENCE):
        self.syn()
        assert self.wait(lambda: self.open or self.reset, seconds), "no answer to a SYN"
        assert self.open, "reset instead of opened"
        return self

    def send(self, data):
        """All of it, as the server's window allows."""
        while data and not self.reset:
            assert self.wait(lambda: self.reset or self.their_window > self.in_flight), "the window stays shut"
            piece = data[:min(self.their_window - self.in_flight, self.their_mss, self.mss)]
            data = data[len(piece):]
            self.transmit(TH_ACK | (0 if data else TH_PUSH), piece)
            self.sequence += len(piece)

    def get(self, path, fields="", version="1.1"):
        self.send(f"GET {path} HTTP/{version}\r\nHost: test\r\n{fields}\r\n".encode())

    def fin(self):
        self.transmit(TH_FIN | TH_ACK)
        self.sequence += 1

    def rst(self):
        self.transmit(TH_RST | TH_ACK)
        self.forget()

    def offer(self, more):
        """Take so many bytes more, and tell."""
        self.limit += more
        self.transmit()

    # ---- in

    def wait(self, done, seconds=PATIENCE):
        return self.link.pump(done, seconds)

    def handle(self, tcp):
        if tcp.flags & TH_RST:
            self.reset = True
            return
        if tcp.flags & TH_SYN:
            self.answered(tcp)
            return
        if distance(tcp.ack, self.unacknowledged) > 0:
            self.unacknowledged = tcp.ack
        self.their_window = tcp.win
        if tcp.data or tcp.flags & TH_FIN:
            self.accept(tcp)
            if self.acks:
                self.transmit()

    def answered(self, tcp):
        if self.open:
            self.transmit()             # our ACK was lost
            return
        self.open = True
        self.unacknowledged = self.sequence
        self.next = (tcp.seq + 1) & MASK
        self.their_window = tcp.win
        for kind, value in dpkt.tcp.parse_opts(tcp.opts):
            if kind == dpkt.tcp.TCP_OPT_MSS:
                self.their_mss = int.from_bytes(value, "big")
        self.transmit()

    def accept(self, tcp):
        known = distance(self.next, tcp.seq)
        if not 0 <= known <= len(tcp.data):
            return                      # not in order
        fresh = tcp.data[known:]
        taken = fresh[:self.room]
        self.received += taken
        self.next = (self.next + len(taken)) & MASK
        self.refused += len(fresh) - len(taken)
        if len(taken) == len(fresh) and tcp.flags & TH_FIN and not self.finished:
            self.finished = True
            self.next = (self.next + 1) & MASK

    # ---- answers

    def expect(self, end, seconds=PATIENCE):
        """Everything received, once it ends so."""
        assert self.wait(lambda: self.reset or self.received.endswith(end), seconds), bytes(self.received[-200:])
        assert self.received.endswith(end), "reset"
        return bytes(self.received)

    def rest(self, seconds=PATIENCE):
        """Everything up to the server's FIN; then ends our side too."""
        assert self.wait(lambda: self.reset or self.finished, seconds), "no FIN"
        assert self.finished, "reset"
        self.fin()
        self.wait(lambda: self.reset or self.in_flight == 0)
        self.forget()
        return bytes(self.received)


def get(link, path, fields=""):
    """An exchange of its own. Returns the answer's status and body."""
    peer = Peer(link).connect()
    peer.get(path, "Connection: close\r\n" + fields)
    head, body = peer.rest().split(b"\r\n\r\n", 1)
    return int(head.split(b" ")[1]), body
