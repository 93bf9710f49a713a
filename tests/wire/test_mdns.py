"""Multicast DNS on an Ethernet of its own, as zeroconf and dig see it."""

import random
import socket
import time

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

import target as targets
from lan import KERNEL, Lan, wait_for
from links import may_make_namespaces

HTTP = "_http._tcp.local."
PROGRAM = """
app = modhttp.Server()

@app.get("/")
def index(request):
    return "hello from " + request.headers["Host"]

room = app.advertise({arguments})
app.start({port})
"""

pytestmark = pytest.mark.skipif(not may_make_namespaces(), reason="needs root and /dev/net/tun")


def program(arguments, port=80):
    return PROGRAM.format(arguments=arguments, port=port)


@pytest.fixture
def lan(tmp_path):
    with Lan(tmp_path) as lan:
        yield lan


class Client:
    """zeroconf, with a browser of web servers: `services` are those it knows, `gone` those that said goodbye."""

    def __init__(self, lan):
        self.lan = lan
        self.services, self.gone = set(), []
        self.zeroconf = lan.here(lambda: Zeroconf([KERNEL], ip_version=IPVersion.V4Only))
        self.browser = ServiceBrowser(self.zeroconf, HTTP, handlers=[self._on_change])

    def _on_change(self, zeroconf, service_type, name, state_change):
        if state_change is ServiceStateChange.Removed:
            self.services.discard(name)
            self.gone.append(name)
        else:
            self.services.add(name)

    def info(self, name):
        return self.zeroconf.get_service_info(HTTP, name, timeout=5000)

    def register(self, title, server, port=8123):
        info = ServiceInfo(HTTP, f"{title}.{HTTP}", port, addresses=[socket.inet_aton(KERNEL)], server=server)
        self.zeroconf.register_service(info)

    def close(self):
        self.zeroconf.close()


@pytest.fixture
def client(lan):
    client = Client(lan)
    yield client
    client.close()


def named(host):
    """Wait until the host has its name."""
    return wait_for(lambda: host.eval("room.host"))


def dig(lan, server, *question):
    """The answers to a question from outside of mDNS; [] when none comes."""
    said = lan.run("dig", "+short", "+time=1", "+tries=2", "-p", "5353", f"@{server}", *question)
    return [line for line in said.splitlines() if not line.startswith(";")]


@pytest.mark.parametrize("target", ["host", "sanitized"])
def test_a_server_is_found(lan, client, target):
    board = lan.host(2, program("'room', txt={'path': '/', 'air': None, 'floor': 2}, title='A room, or two'"), target)
    assert named(board) == "room.local"
    assert board.eval("room.title, room.conflicts") == ("A room, or two", 0)
    name = f"A room, or two.{HTTP}"
    wait_for(lambda: name in client.services)
    info = client.info(name)
    assert info.parsed_addresses(IPVersion.V4Only) == ["10.78.0.2"]
    assert (info.server, info.port) == ("room.local.", 80)
    assert info.properties == {b"path": b"/", b"air": None, b"floor": b"2"}
    address = f"http://{info.server.rstrip('.')}:{info.port}{info.properties[b'path'].decode()}"
    said = lan.run("curl", "-sS", "--resolve", f"room.local:80:{info.parsed_addresses()[0]}", address)
    assert said == "hello from room.local"
    assert dig(lan, "10.78.0.2", "room.local", "A") == ["10.78.0.2"]
    assert dig(lan, "10.78.0.2", "ROOM.local", "A") == ["10.78.0.2"]
    assert dig(lan, "10.78.0.2", "-x", "10.78.0.2") == ["room.local."]
    assert dig(lan, "10.78.0.2", "_services._dns-sd._udp.local", "PTR") == ["_http._tcp.local."]
    assert dig(lan, "10.78.0.2", "rooms.local", "A") == []


def test_the_name_is_that_of_the_network_unless_said(lan, client):
    board = lan.host(2, "import network\nnetwork.hostname('kitchen')\n" + program("", 8001))
    assert named(board) == "kitchen.local"
    wait_for(lambda: f"kitchen.{HTTP}" in client.services)
    info = client.info(f"kitchen.{HTTP}")
    assert (info.server, info.port, info.text) == ("kitchen.local.", 8001, b"\0")


def test_it_answers_while_python_is_busy(lan):
    board = lan.host(2, program("'room'"))
    named(board)
    board.exec("import _thread\napp.callback(lambda request, response: time.sleep(3))")
    slow = lan.here(lambda: socket.create_connection(("10.78.0.2", 80)))
    slow.send(b"GET /sleep HTTP/1.0\r\n\r\n")
    time.sleep(0.3)
    begin = time.monotonic()
    assert dig(lan, "10.78.0.2", "room.local", "A") == ["10.78.0.2"]
    assert time.monotonic() - begin < 2
    slow.close()


def test_the_longest_that_is_allowed_is_announced_whole(lan, client):
    name, title = "n" * 63, "é" * 31 + "t"
    txt = {"k" * 20 + str(i): "v" * 40 for i in range(3)} | {"last": "w" * 60}
    board = lan.host(2, program(f"{name!r}, txt={txt!r}, title={title!r}, service='_a23456789012345._tcp'"))
    assert named(board) == name + ".local"
    found = set()
    ServiceBrowser(client.zeroconf, "_a23456789012345._tcp.local.",
                   handlers=[lambda zeroconf, service_type, name, state_change: found.add(name)])
    full = f"{title}._a23456789012345._tcp.local."
    wait_for(lambda: full in found)
    info = client.zeroconf.get_service_info("_a23456789012345._tcp.local.", full)
    assert info.parsed_addresses(IPVersion.V4Only) == ["10.78.0.2"]
    assert info.properties == {key.encode(): value.encode() for key, value in txt.items()}
    assert len(info.text) == 255
    board.exec("app.stop()")
    wait_for(lambda: client.zeroconf.cache.entries_with_name(full) == [])     # all of it was in the goodbye, too


def test_stop_says_goodbye(lan, client):
    board = lan.host(2, program("'room', txt={'path': '/'}"))
    named(board)
    name = f"room.{HTTP}"
    wait_for(lambda: name in client.services)
    client.info(name)
    board.exec("app.stop()")
    wait_for(lambda: name in client.gone, seconds=5)      # a lifetime would be 75 minutes
    assert board.eval("room.host, room.title") == (None, None)
    assert dig(lan, "10.78.0.2", "_http._tcp.local", "PTR") == []
    assert wait_for(lambda: dig(lan, "10.78.0.2", "modhttp-host.local", "A")) == ["10.78.0.2"]    # network.hostname()
    assert dig(lan, "10.78.0.2", "room.local", "A") == []
    board.exec("app.start(81)")
    assert named(board) == "room.local"
    wait_for(lambda: name in client.services)
    assert client.info(name).port == 81


def test_stopped_before_it_was_known(lan, client):
    """Nothing was announced, so nothing is taken back."""
    board = lan.host(2, program("'room'"))
    board.exec("app.stop()")
    time.sleep(4)
    assert client.services == set()
    assert client.gone == []


def test_start_and_stop_again_and_again_leaves_nothing(lan):
    board = lan.host(2, program("'room', txt={'path': '/'}"))
    board.exec("import _host")
    named(board)
    used = board.eval("_host.pools()['heap'][0], _host.pools()['sys_timeout'][0]")
    for _ in range(20):
        board.exec("app.stop()\napp.start()")
    named(board)
    time.sleep(1.5)     # timers of the announcements
    heap, timeouts = board.eval("_host.pools()['heap'][0], _host.pools()['sys_timeout'][0]")
    assert heap <= used[0] + 500       # a packet may be waiting
    assert timeouts <= used[1] + 3


# ---- names that others have

def test_two_boards_of_the_same_name(lan, client):
    first = lan.host(2, program("'room', title='A room'"))
    assert named(first) == "room.local"
    second = lan.host(3, program("'room', title='A room'"))
    assert named(second) == "room-2.local"
    assert second.eval("room.title, room.conflicts") == ("A room (2)", 2)
    assert first.eval("room.host, room.title, room.conflicts") == ("room.local", "A room", 0)
    names = {f"A room.{HTTP}", f"A room (2).{HTTP}"}
    wait_for(lambda: client.services == names)
    found = {name: client.info(name) for name in names}
    assert {(name, info.server, *info.parsed_addresses(IPVersion.V4Only)) for name, info in found.items()} == {
        (f"A room.{HTTP}", "room.local.", "10.78.0.2"), (f"A room (2).{HTTP}", "room-2.local.", "10.78.0.3")}
    third = lan.host(4, program("'room', title='A third'"))
    assert named(third) == "room-3.local"
    assert third.eval("room.title, room.conflicts") == ("A third", 2)


def test_two_boards_that_start_together(lan, client):
    boards = [lan.host(number, program("'room'")) for number in (2, 3)]
    names = {wait_for(lambda board=board: board.eval("room.host")) for board in boards}
    assert names == {"room.local", "room-2.local"}
    wait_for(lambda: client.services == {f"room.{HTTP}", f"room (2).{HTTP}"})


def test_a_service_that_another_host_has_and_defends(lan, client):
    client.register("room", "desktop.local.")
    board = lan.host(2, program("'room'"))
    assert named(board) == "room.local"
    assert board.eval("room.title, room.conflicts") == ("room (2)", 1)
    assert client.info(f"room.{HTTP}").parsed_addresses() == [KERNEL]


def test_a_name_that_comes_free_is_taken_at_the_next_start(lan):
    first = lan.host(2, program("'room'"))
    named(first)
    second = lan.host(3, program("'room'"))
    assert named(second) == "room-2.local"
    first.exec("app.stop()")
    second.exec("app.stop()\napp.start()")
    assert named(second) == "room.local"
    assert second.eval("room.title") == "room"


def test_the_newest_is_announced(lan, client):
    board = lan.host(2, program("'room'"))
    named(board)
    board.exec("old, room = room, app.advertise('hall')")
    assert named(board) == "hall.local"
    assert board.eval("old.host") is None
    wait_for(lambda: client.services == {f"hall.{HTTP}"})
    board.exec("del old\ngc.collect()\napp.stop()")
    wait_for(lambda: client.services == set())


@pytest.mark.parametrize("target", ["host", "sanitized"])
def test_noise_changes_nothing_but_perhaps_the_name(lan, client, target):
    board = lan.host(2, program("'room', txt={'path': '/'}"), target)
    named(board)
    name = dns.name.from_text("room.local.")
    service = dns.name.from_text(f"room.{HTTP}")
    probe = dns.message.make_query(name, "ANY", flags=0)
    probe.authority.append(dns.rrset.from_text(name, 120, "IN", "A", "10.78.0.9"))
    claim = dns.message.Message()
    claim.flags = dns.flags.QR | dns.flags.AA
    claim.answer += [dns.rrset.from_text(name, 120, "IN", "A", "10.78.0.9"),
                     dns.rrset.from_text(service, 120, "IN", "SRV", "0 0 80 other.local."),
                     dns.rrset.from_text(service, 120, "IN", "TXT", '"path=/"'),
                     dns.rrset.from_text(HTTP, 120, "IN", "PTR", f"room.{HTTP}")]
    browse = dns.message.make_query(HTTP, "PTR", flags=dns.flags.TC)
    browse.answer.append(claim.answer[3])
    messages = [message.to_wire() for message in (probe, claim, browse)]
    generator = random.Random(1)

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            s.bind((KERNEL, 5353))
            for _ in range(3000):
                noise = bytearray(generator.choice(messages))
                for _ in range(generator.randrange(5)):
                    noise[generator.randrange(len(noise))] = generator.randrange(256)
                s.sendto(noise[:generator.randrange(len(noise) + 1)], ("224.0.0.251", 5353))
                time.sleep(0.0005)
    lan.here(send)
    assert wait_for(lambda: board.eval("room.host")).startswith("room")
    assert board.request("GET", "/")[0] == 200


# ---- what is refused

@pytest.mark.parametrize(("arguments", "error"), [
    ("''", "a .local name must be 1 to 63 bytes: "),
    ("'n' * 64", "a .local name must be 1 to 63 bytes: " + "n" * 64),
    ("'a room'", "a .local name has letters, digits and hyphens: a room"),
    ("'-a'", "a .local name has letters, digits and hyphens: -a"),
    ("'a.b.local'", "a .local name has letters, digits and hyphens: a.b"),
    ("'café'", "a .local name has letters, digits and hyphens: café"),
    ("'a', title=''", "title must be 1 to 63 bytes: "),
    ("'a', title='é' * 32", "title must be 1 to 63 bytes: " + "é" * 32),
    ("'a', title='a\\n'", "title has a control character"),
    ("'a', 'http'", "service must be like _http._tcp: http"),
    ("'a', '_http._udp'", "service must be like _http._tcp: _http._udp"),
    ("'a', '_._tcp'", "service must be like _http._tcp: _._tcp"),
    ("'a', '_a234567890123456._tcp'", "service must be 1 to 16 bytes: _a234567890123456"),
    ("'a', txt={'a=b': 1}", "a key of txt must be printable ASCII without =: a=b"),
    ("'a', txt={'': 1}", "a key of txt must be printable ASCII without =: "),
    ("'a', txt={'a': 'b' * 254}", "an item of txt must be 1 to 255 bytes: a=" + "b" * 254),
    ("'a', txt={'a': 'b' * 253}", "txt takes 256 bytes: this firmware has room for 255"),
])
def test_what_cannot_be_announced(arguments, error, tmp_path):
    targets.prepare("host")
    program = f"import modhttp\napp = modhttp.Server()\ntry:\n    app.advertise({arguments})\n"
    program += "except ValueError as exc:\n    print(exc)\n"
    assert run_host(program, tmp_path) == error + "\n"


def run_host(program, directory):
    running = targets.Program("host", program, directory, wait=False)
    assert running.finish() == 0, running.console
    return running.console


def test_without_multicast_starting_says_so(tmp_path):
    targets.prepare("host")
    said = run_host("""
import modhttp
app = modhttp.Server()
room = app.advertise("room")
try:
    app.start()
except OSError as exc:
    print(exc, app.port, room.host)
""", tmp_path)
    assert said == ("[Errno 113] EHOSTUNREACH: no network interface that is up has multicast: mDNS needs Wi-Fi or "
                    "Ethernet 0 None\n")


def test_the_example_has_its_name(lan, client):
    source = (targets.ROOT / "examples/name.py").read_text()
    assert source.endswith("\napp.run(port=80)\n")
    board = lan.host(2, source.removesuffix("app.run(port=80)\n"))  # it is polled beside what asks for `room`
    assert named(board) == "room.local"
    wait_for(lambda: f"The cellar.{HTTP}" in client.services)
    assert lan.run("curl", "-sS", "--resolve", "room.local:80:10.78.0.2", "http://room.local") == "I am room.local\n"
