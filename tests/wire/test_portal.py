"""A captive portal: what a device asks that has joined the board's access point; DNS as dig and dnspython ask it."""

import random
import socket
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dpkt
import pytest

import emulated
import target as targets
from lan import Lan
from links import ADDRESS, BoardLink, BoardServer, may_make_namespaces, serving
from peer import Peer

PROGRAM = """
app = modhttp.Server()

@app.get("/")
def index(request):
    return modhttp.html("<h1>Set me up</h1>")

@app.get("/setup")
def setup(request):
    return "set up"

@app.get("/busy/<int:seconds>")
def busy(request, seconds):
    until = time.ticks_add(time.ticks_ms(), 1000 * seconds)
    while time.ticks_diff(until, time.ticks_ms()) > 0:
        pass
    return "no longer"

{more}
app.start({port})
"""

# What systems ask, and what would tell them that they are in the Internet.
PROBES = [
    ("connectivitycheck.gstatic.com", "/generate_204"), ("www.google.com", "/gen_204"),
    ("captive.apple.com", "/hotspot-detect.html"), ("www.apple.com", "/library/test/success.html"),
    ("www.msftconnecttest.com", "/connecttest.txt"), ("www.msftncsi.com", "/ncsi.txt"),
    ("detectportal.firefox.com", "/canonical.html"),
    ("detectportal.firefox.com", "/success.txt?ipv4"), ("nmcheck.gnome.org", "/check_network_status.txt"),
    ("example.com", "/"), ("example.com:80", "/setup?a=b"), ("10.78.0.9", "/"), ("[fd00::1]:80", "/"),
]


def program(more="portal = app.captive()", port=80):
    return PROGRAM.format(more=more, port=port)


@pytest.fixture(scope="module", params=["host", "sanitized"])
def portal(request, tmp_path_factory):
    """A portal on a LAN."""
    if not may_make_namespaces():
        pytest.skip("needs root and /dev/net/tun")
    with Lan(tmp_path_factory.mktemp("lan")) as lan:
        yield lan.host(2, program("portal = app.captive(names=('Room.lan',))"), request.param)


@pytest.fixture
def lan(tmp_path):
    if not may_make_namespaces():
        pytest.skip("needs root and /dev/net/tun")
    with Lan(tmp_path) as lan:
        yield lan


def ask(host, message, **options):
    """A question by UDP from the kernel."""
    return host.lan.here(lambda: dns.query.udp(message, host.address, timeout=5, **options))


def dig(host, *words):
    return host.lan.run("dig", "+time=1", "+tries=2", f"@{host.address}", *words)


def test_all_names_are_the_board(portal):
    for name in ("connectivitycheck.gstatic.com", "captive.apple.com", "a.b.c.d.e.f", "LOCALHOST"):
        assert dig(portal, "+short", name).split() == [portal.address]
    said = dig(portal, "example.com", "A")
    assert "status: NOERROR" in said
    assert "WARNING" not in said
    assert f"example.com.\t\t10\tIN\tA\t{portal.address}" in said


@pytest.mark.parametrize("kind", ["AAAA", "HTTPS", "SVCB", "TXT", "NS"])
def test_other_types_are_empty(portal, kind):
    said = dig(portal, "example.com", kind)
    assert "status: NOERROR" in said
    assert "ANSWER: 0" in said


def test_dnspython_takes_the_answer(portal):
    query = dns.message.make_query("captive.apple.com", "A", use_edns=True)
    answer = ask(portal, query)
    assert [record.to_text() for rrset in answer.answer for record in rrset] == [portal.address]
    assert ask(portal, dns.message.make_query("version.bind", "TXT", "CH")).rcode() == dns.rcode.REFUSED


def udp(host, data, seconds=0.3):
    """What comes back to a datagram, or None."""
    def exchange():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(seconds)
            s.sendto(data, (host.address, 53))
            try:
                return s.recv(2000)
            except TimeoutError:
                return None
    return host.lan.here(exchange)


def test_what_is_no_question(portal):
    query = dns.message.make_query("example.com", "A", id=0x1234).to_wire()
    answers = portal.eval("portal.answers")
    assert udp(portal, query[:11]) is None
    assert udp(portal, query[:2] + b"\x80" + query[3:]) is None
    assert udp(portal, b"") is None
    assert udp(portal, query[:12] + b"\xc0\x0c\0\1\0\1", 5) == b"\x12\x34\x81\x81" + bytes(8)
    assert udp(portal, query + bytes(1400)) is not None
    assert udp(portal, query + bytes(4000)) is None       # in fragments, which are longer than any question
    assert portal.eval("portal.answers") == answers + 2
    assert dig(portal, "+short", "example.com").split() == [portal.address]


def test_noise_changes_nothing(portal):
    portal.exec("gc.collect()")
    generator = random.Random(1)
    query = dns.message.make_query("connectivitycheck.gstatic.com", "A").to_wire()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(2000):
                noise = bytearray(query[:generator.randrange(len(query) + 1)])
                for _ in range(generator.randrange(4)):
                    if noise:
                        noise[generator.randrange(len(noise))] = generator.randrange(256)
                s.sendto(noise, (portal.address, 53))
    portal.lan.here(send)
    assert dig(portal, "+short", "example.com").split() == [portal.address]


def test_others_find_no_resolver(lan):
    """A host beyond the board's own network gets no answer, whatever the way back is."""
    board = lan.host(2, program())
    lan.ip("addr add 10.99.0.1/24 dev br0")
    query = dns.message.make_query("example.com", "A")
    assert board.lan.here(lambda: dns.query.udp(query, board.address, timeout=5, source="10.78.0.1")).answer
    with pytest.raises(dns.exception.Timeout):
        board.lan.here(lambda: dns.query.udp(query, board.address, timeout=1, source="10.99.0.1"))


def test_dns_answers_while_python_is_busy(lan):
    board = lan.host(2, program())
    slow = lan.here(lambda: socket.create_connection((board.address, 80)))
    slow.send(b"GET /busy/3 HTTP/1.1\r\nHost: 10.78.0.2\r\n\r\n")
    time.sleep(0.3)
    begin = time.monotonic()
    assert dig(board, "+short", "example.com").split() == [board.address]
    assert time.monotonic() - begin < 1
    slow.close()


@pytest.mark.parametrize(("host", "path"), PROBES)
def test_probes_are_sent_to_the_page(portal, host, path):
    status, headers, body = portal.request("GET", path, Host=host)
    assert (status, headers["Location"], headers["Cache-Control"]) == (302, f"http://{portal.address}/", "no-store")
    assert body == ""


def test_a_phone_comes_to_the_page(portal):
    """curl, with the board as its name server would have it."""
    said = portal.lan.run("curl", "-sSL", "--resolve", f"captive.apple.com:80:{portal.address}",
                          "http://captive.apple.com/hotspot-detect.html")
    assert said == "<h1>Set me up</h1>"


@pytest.mark.parametrize("host", ["10.78.0.2", "10.78.0.2:80", "room.local", "Room.Local:80", "room.lan", "ROOM.LAN:1"])
def test_requests_for_the_board_are_served(portal, host):
    assert portal.request("GET", "/setup", Host=host)[::2] == (200, "set up")
    assert portal.request("GET", "/absent", Host=host)[0] == 404
    assert portal.request("GET", "/generate_204", Host=host)[0] == 302


def test_without_a_host_probes_are_known_by_their_path(portal):
    def ask(path):
        with socket.create_connection((portal.address, 80)) as s:
            s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return s.makefile("rb").read().split(b"\r\n")
    assert b"Location: http://10.78.0.2/" in portal.lan.here(lambda: ask("/generate_204"))
    assert portal.lan.here(lambda: ask("/setup"))[-1] == b"set up"


def test_other_ports_and_pages_and_the_programs_own(lan):
    board = lan.host(2, program("""
@app.error(404)
def absent(request, exc):
    return "not here", 404

app.callback(lambda request, response: response.send("you asked for " + request.path))
portal = app.captive("/setup")
""", 8000))
    status, headers, _ = board.request("GET", "/generate_204", port=8000, Host="example.com")
    assert (status, headers["Location"]) == (302, "http://10.78.0.2:8000/setup")
    assert board.request("GET", "/any", port=8000)[::2] == (200, "you asked for /any")
    assert board.request("GET", "/any", port=8000, Host="example.com")[0] == 302


def test_error_404_stays_the_programs(lan):
    board = lan.host(2, program("""
portal = app.captive()

@app.error(404)
def absent(request, exc):
    return "not here", 404
"""))
    assert board.request("GET", "/any")[::2] == (404, "not here")
    assert board.request("GET", "/any", Host="example.com")[0] == 302


def test_stop_and_start_again(lan):
    board = lan.host(2, program())
    board.exec("portal.stop()")
    assert udp(board, dns.message.make_query("example.com", "A").to_wire()) is None
    assert board.request("GET", "/setup", Host="example.com")[::2] == (200, "set up")
    assert board.request("GET", "/generate_204", Host="example.com")[0] == 404
    board.exec("app.stop()\napp.start()")
    assert dig(board, "+short", "example.com").split() == [board.address]
    assert board.request("GET", "/setup", Host="example.com")[0] == 302
    board.exec("app.stop()")
    assert udp(board, dns.message.make_query("example.com", "A").to_wire()) is None


def run_host(more, directory):
    targets.prepare("host")
    running = targets.Program("host", "import modhttp, time, socket\n" + program(more), directory, wait=False)
    assert running.finish() == 0, running.console
    return running.console


def test_the_port_is_taken(tmp_path):
    said = run_host("""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 53))
portal = app.captive()
try:
    app.start()
except OSError as exc:
    print(exc, app.port)
s.close()
""", tmp_path)
    assert said == ("[Errno 98] EADDRINUSE: UDP port 53 is in use by a socket of this program: close it before the "
                    "portal starts 0\n")


def test_what_cannot_be_a_page(tmp_path):
    said = run_host("""
try:
    app.captive("setup")
except ValueError as exc:
    print(exc)
""", tmp_path)
    assert said == "the portal's page must be a path: setup\n"


# ---- the emulated board, on its serial line

@pytest.fixture(scope="module")
def board(tmp_path_factory):
    source = "import modhttp, time\n" + program() + "print('ready')\nwhile True:\n    app.poll(1000)\n"
    with BoardServer("rp2040", source, tmp_path_factory.mktemp("board")) as server:
        yield server


def ask_board(link, message, port=40000, seconds=2):
    """The answer to a datagram in the board's own time, or None."""
    datagram = dpkt.udp.UDP(sport=port, dport=53, data=message)
    datagram.ulen = len(datagram)
    ip = dpkt.ip.IP(src=link.address, dst=link.server, p=dpkt.ip.IP_PROTO_UDP, ttl=64, data=datagram)
    ip.len = len(ip)
    begin = len(link.log)
    link.send(ip)

    def answers():
        return [packet.ip.data for packet in link.log[begin:]
                if not packet.ours and isinstance(packet.ip.data, dpkt.udp.UDP) and packet.ip.data.dport == port]
    link.pump(answers, seconds)
    return bytes(answers()[0].data) if answers() else None


def test_the_board_answers_dns(board):
    query = dns.message.make_query("captive.apple.com", "A")
    answer = dns.message.from_wire(ask_board(board.link, query.to_wire()))
    assert query.is_response(answer)
    assert [record.to_text() for rrset in answer.answer for record in rrset] == ["192.168.7.2"]
    query = dns.message.make_query("captive.apple.com", "AAAA")
    answer = dns.message.from_wire(ask_board(board.link, query.to_wire()))
    assert (answer.rcode(), answer.answer) == (dns.rcode.NOERROR, [])
    assert ask_board(board.link, b"no question") is None


def test_the_board_answers_dns_while_python_is_busy(board):
    peer = Peer(board.link).connect()
    peer.send(b"GET /busy/3 HTTP/1.1\r\nHost: 192.168.7.2\r\n\r\n")
    board.link.run(0.2)
    begin = board.link.now
    query = dns.message.make_query("example.com", "A")
    assert dns.message.from_wire(ask_board(board.link, query.to_wire())).answer
    assert board.link.now - begin < 0.05
    assert not peer.received
    peer.expect(b"no longer")


def test_the_board_has_no_multicast(board):
    said = board.board.interrupt()
    assert "KeyboardInterrupt" in said.stderr
    said = board.board.exec("import modhttp\nmodhttp.Server().advertise('room')").stderr
    assert "OSError: this firmware is built without mDNS, as for boards without Wi-Fi and Ethernet" in said


def test_the_board_is_silent_after_a_soft_reset():
    """And the next program finds all as it was: there are five UDP pcbs."""
    query = dns.message.make_query("example.com", "A").to_wire()
    start = "import modhttp; app = modhttp.Server(); portal = app.captive(); app.start(); print('star' + 'ted')"
    with emulated.Board() as board:
        link = BoardLink(board)
        for _ in range(7):
            board.type(start + "\r")
            board.expect("started\r\n>>> ")
            assert ask_board(link, query) is not None       # at the prompt: no Python runs
            board.type("\x04")
            board.expect("soft reboot\r\n")
            board.expect(">>> ")
            assert ask_board(link, query, seconds=0.2) is None


# ---- examples/captive.py, as it is

@pytest.mark.parametrize("target", ["host", "rp2040"])
def test_the_example(target, tmp_path):
    source = "print('ready')\n" + (targets.ROOT / "examples/captive.py").read_text()
    with serving(target, source, tmp_path) as server:
        if target == "rp2040":
            query = dns.message.make_query("captive.apple.com", "A")
            answer = dns.message.from_wire(ask_board(server.link, query.to_wire()))
            assert [record.to_text() for rrset in answer.answer for record in rrset] == ["192.168.7.2"]
            return
        assert server.run("dig", f"@{ADDRESS}", "+short", "captive.apple.com").stdout.split() == [ADDRESS]
        page = server.run("curl", "-sSL", "--resolve", f"captive.apple.com:80:{ADDRESS}",
                          "http://captive.apple.com/hotspot-detect.html").stdout
        assert "<h1>Which Wi-Fi shall I join?</h1>" in page
