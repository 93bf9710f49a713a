"""slipgate against a board made of a few lines: a SLIP link and a TCP that loses nothing and reorders nothing."""

import os
import random
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

HOST = Path(os.environ.get("MODHTTP_HOST", Path(__file__).parents[2] / "build" / "host" / "modhttp"))
SLIPGATE = HOST.with_name("slipgate")
PATIENCE = 30
GATE, BOARD = bytes([192, 168, 7, 1]), bytes([192, 168, 7, 2])
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
END, ESC = b"\xc0", b"\xdb"
MSS = 800


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def escape(packet):
    return END + packet.replace(ESC, b"\xdb\xdd").replace(END, b"\xdb\xdc") + END


def unescape(packet):
    return packet.replace(b"\xdb\xdc", END).replace(b"\xdb\xdd", ESC)


def tcp_packet(port, peer_port, seq, ack, flags, data=b""):
    options = struct.pack(">BBH", 2, 4, MSS) if flags & SYN else b""
    offset = (20 + len(options)) << 2
    tcp = struct.pack(">HHIIBBHHH", port, peer_port, seq, ack, offset, flags, 8 * MSS, 0, 0) + options + data
    pseudo = BOARD + GATE + struct.pack(">BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + BOARD + GATE
    return ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + tcp


class Board:
    """Echoes on port 80, upper case; b"reset" is answered with RST and b"close" with FIN."""

    def __init__(self, link_in, link_out, deaf=False):
        self.link_in, self.link_out, self.deaf = link_in, link_out, deaf
        self.noise = b""  # goes out before every packet
        self.connections = {}  # gate's port -> [next seq of ours, next seq of theirs]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        pending = b""
        try:
            while data := os.read(self.link_in, 65536):
                *packets, pending = (pending + data).split(END)
                for packet in packets:
                    if packet and not self.deaf:
                        self.receive(unescape(packet))
        except OSError:
            pass  # the test is over and slipgate gone

    def send(self, packet):
        os.write(self.link_out, self.noise + escape(packet))

    def receive(self, packet):
        assert checksum(packet[:20]) == 0 and packet[9] == 6 and packet[12:20] == GATE + BOARD
        tcp = packet[20 : struct.unpack(">H", packet[2:4])[0]]
        port, to, seq, _, offset, flags = struct.unpack(">HHIIBB", tcp[:14])
        data = tcp[(offset >> 4) * 4 :]
        assert to == 80
        if flags & RST:
            self.connections.pop(port, None)
        elif flags & SYN:
            self.connections[port] = [1001, seq + 1]
            self.send(tcp_packet(80, port, 1000, seq + 1, SYN | ACK))
        elif port in self.connections and seq == self.connections[port][1]:
            self.converse(port, data, flags)

    def converse(self, port, data, flags):
        connection = self.connections[port]
        connection[1] += len(data) + (1 if flags & FIN else 0)
        if data == b"reset":
            self.send(tcp_packet(80, port, connection[0], connection[1], RST | ACK))
            del self.connections[port]
            return
        answer = b"" if data == b"close" else data.upper()
        ours = FIN if flags & FIN or data == b"close" else 0
        if data or ours:
            self.send(tcp_packet(80, port, connection[0], connection[1], ACK | PSH | ours, answer))
            connection[0] += len(answer) + (1 if ours else 0)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Gate:
    def __init__(self, port=None, **board_options):
        self.port = port or free_port()
        self.process = subprocess.Popen(
            [SLIPGATE, "--port", str(self.port), "--to", "192.168.7.2:80"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.board = Board(self.process.stdout.fileno(), self.process.stdin.fileno(), **board_options)

    def ready(self):
        assert self.process.stderr.readline().decode() == f"modhttp: http://127.0.0.1:{self.port}\n"

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)


@pytest.fixture
def gate():
    gates = []

    def start(**options):
        gates.append(Gate(**options))
        return gates[-1]

    yield start
    for each in gates:
        each.process.kill()
        errors = each.process.communicate()[1].decode()
        assert "Sanitizer" not in errors and "assertion" not in errors, errors


def receive(s, length):
    data = b""
    while len(data) < length:
        chunk = s.recv(length - len(data))
        assert chunk, data
        data += chunk
    return data


def test_address_is_printed_when_the_board_answers(gate):
    g = gate(deaf=True)
    time.sleep(1.2)  # a board that boots: several SYNs go unheard
    g.board.deaf = False
    start = time.monotonic()
    g.ready()
    assert time.monotonic() - start < 2
    with g.connect() as client:
        client.sendall(b"hello \xc0\xdb\xdc\xdd")
        assert receive(client, 10) == b"HELLO \xc0\xdb\xdc\xdd"


def test_ends_and_resets(gate):
    g = gate()
    g.ready()
    with g.connect() as client:
        client.sendall(b"close")
        assert client.recv(10) == b""
    with g.connect() as client:
        client.sendall(b"reset")
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    with g.connect() as client:
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b""


def test_many_clients_and_much_data(gate):
    g = gate()
    g.ready()
    clients = [g.connect() for _ in range(16)]
    data = [random.Random(i).randbytes(30_000) for i in range(16)]

    def send(i):
        clients[i].sendall(data[i])

    threads = [threading.Thread(target=send, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for i, client in enumerate(clients):
        assert receive(client, len(data[i])) == data[i].upper()
        client.close()
    for thread in threads:
        thread.join()


GARBAGE = {
    "bad escape": b"\xdb\x00\xc0" + bytes(range(200)),
    "too long": bytes(5000),
    "no IP": escape(b"\x45" * 1500),
    "IPv6": escape(b"\x60" + b"\xff" * 39),
    "two bytes": escape(b"\x4f\x00"),
    "cut short": escape(tcp_packet(80, 1, 1, 1, ACK)[:-1]) + b"\xdb",
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_on_the_link(gate, kind):
    g = gate()
    g.board.noise = GARBAGE[kind]
    g.ready()
    with g.connect() as client:
        for i in range(20):
            client.sendall(b"message %02d" % i)
            assert receive(client, 10) == b"MESSAGE %02d" % i


def test_random_bytes_do_not_stop_it(gate):
    g = gate()
    g.ready()
    noise = random.Random(3)
    for _ in range(200):
        os.write(g.board.link_out, noise.randbytes(noise.randrange(1, 3000)))
    with g.connect() as client:
        client.sendall(b"alive")
        assert receive(client, 5) == b"ALIVE"


def test_ends_when_the_link_is_closed(gate):
    g = gate()
    g.ready()
    g.process.stdin.close()
    assert g.process.wait(PATIENCE) == 0
    g.process.stdin = None


def test_serial_device():
    """A pty in a real board's place."""
    master, slave = os.openpty()
    port = free_port()
    process = subprocess.Popen(
        [SLIPGATE, "--port", str(port), "--to", "192.168.7.2:80", "--device", os.ttyname(slave), "--baud", "115200"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    time.sleep(0.2)  # until the device is raw
    Board(master, master)
    try:
        assert process.stdout.readline().decode() == f"modhttp: http://127.0.0.1:{port}\n"
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
            client.sendall(b"over the wire")
            assert receive(client, 13) == b"OVER THE WIRE"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        ([], 2, "usage: "),
        (["--port", "8080"], 2, "usage: "),
        (["--port", "70000", "--to", "192.168.7.2:80"], 2, "usage: "),
        (["--port", "x", "--to", "192.168.7.2:80"], 1, "slipgate: --port: "),
        (["--port", "8080", "--to", "192.168.7.2"], 1, "slipgate: --to: "),
        (["--port", "8080", "--to", "board:80"], 1, "slipgate: --to: "),
        (["--port", "8080", "--to", "192.168.7.2:80", "--host", "nowhere"], 1, "slipgate: cannot listen on nowhere"),
        (["--port", "8080", "--to"], 2, "usage: "),
    ],
)
def test_bad_arguments(arguments, status, message):
    done = subprocess.run(
        [SLIPGATE, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(message)


def test_port_in_use():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = subprocess.run(
            [SLIPGATE, "--port", str(port), "--to", "192.168.7.2:80"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"modhttp: port {port} is in use") and done.stderr.count("\n") == 1
