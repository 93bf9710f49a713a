"""The host port itself: interrupts, waiting, forwarder, TAP. The servers here are Python on lwIP's sockets.

MODHTTP_HOST names the binary under test (default build/host/modhttp); run it again with that of
build/host-sanitize.
"""

import contextlib
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

import target as targets

BINARY = Path(os.environ.get("MODHTTP_HOST", Path(__file__).parents[2] / "build" / "host" / "modhttp"))
SANITIZED = b"__asan_init" in BINARY.read_bytes() if BINARY.exists() else False
PATIENCE = 30  # seconds until a test gives up on something that should come at once
PROMPT = 1.0  # seconds that "at once" may take on a busy machine; lwIP's own timers and retries are slower

# What every server program starts with.
LISTEN = """
import socket
def listen(backlog=5, port=80):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(socket.getaddrinfo("0.0.0.0", port)[0][-1])
    s.listen(backlog)
    return s
def send_all(c, data):
    data = memoryview(data)
    while data:
        data = data[c.send(data):]
"""

# Greets and echoes on any number of connections until each one's end, then says goodbye. Clients wait for the
# greeting: data that comes before accept() is stalled by modlwip until lwIP's 250 ms timer.
ECHO = LISTEN + """
import select
s = listen(255)
poll = select.poll()
poll.register(s, select.POLLIN)
while True:
    for c, event in poll.poll():
        if c is s:
            c = s.accept()[0]
            c.send(b"hello")
            poll.register(c, select.POLLIN)
            continue
        try:
            data = c.recv(4096)
            send_all(c, data or b"goodbye")
        except OSError:
            data = b""
        if not data:
            poll.unregister(c)
            c.close()
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Program:
    """A running program with its forwarder; stdout and stderr are collected."""

    def __init__(self, source, directory, wait=True):
        self.port = free_port()
        script = directory / "program.py"
        script.write_text(source)
        self.process = subprocess.Popen(
            [BINARY, script],
            env={**os.environ, "MODHTTP_FORWARD": f"{self.port}:80"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.output = ""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait:
            self.wait_for(f"modhttp: http://127.0.0.1:{self.port}\n")

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self._changed:
                self.output += data.decode()
                self._changed.notify_all()

    def wait_for(self, text, patience=PATIENCE):
        with self._changed:
            assert self._changed.wait_for(lambda: text in self.output, patience), self.output

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def greeted(self):
        """A connection to the ECHO program, past its greeting."""
        s = self.connect()
        assert receive(s, 5) == b"hello"
        return s

    def finish(self):
        """Waits for the program to end; returns its exit status."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def close(self):
        self.process.kill()
        self.finish()
        assert "Sanitizer" not in self.output and "lwIP assertion" not in self.output, self.output


@pytest.fixture
def run(tmp_path):
    assert BINARY.exists(), f"{BINARY} is not built: tools/build_host.sh"
    programs = []

    def start(source, **options):
        programs.append(Program(source, tmp_path, **options))
        return programs[-1]

    yield start
    for program in programs:
        program.close()


def receive_all(s):
    data = bytearray()
    while chunk := s.recv(65536):
        data += chunk
    return bytes(data)


def receive(s, length):
    data = bytearray()
    while len(data) < length:
        chunk = s.recv(length - len(data))
        assert chunk, f"end after {len(data)} of {length} bytes"
        data += chunk
    return bytes(data)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def expect_refusal(port):
    """lwIP's reset, which may come while connect() is still at it."""
    with pytest.raises(ConnectionResetError):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
            client.recv(1)


# ---- interrupts


BUSY = {
    "bytecode": "while not done(): pass",
    "sort": "while not done(): sorted(range(50000), key=lambda x: x * 7919 % 50021)",
    "one C call": "pow(7, 150000)",
}


@pytest.mark.parametrize("kind", BUSY)
def test_lwip_answers_while_python_is_busy(run, kind):
    """A SYN to a port without listener is refused at interrupt level; Python has no part in it."""
    if SANITIZED and kind == "one C call":
        pytest.skip("this build delivers between bytecodes only")
    program = run(
        LISTEN
        + f"""
import time
end = time.ticks_add(time.ticks_ms(), 3000)
def done():
    return time.ticks_diff(time.ticks_ms(), end) > 0
print("busy")
{BUSY[kind]}
print("idle")
""",
        wait=False,
    )
    program.wait_for("busy")
    slowest = 0
    for _ in range(20):
        start = time.monotonic()
        expect_refusal(program.port)
        slowest = max(slowest, time.monotonic() - start)
    assert "idle" not in program.output
    assert slowest < PROMPT


def test_data_is_acknowledged_while_python_is_busy(run):
    """lwIP takes a connection and its first bytes, and a timer's alarm comes, during a loop of Python's."""
    program = run(
        LISTEN
        + """
import machine, time
s = listen()
alarms = []
timer = machine.Timer(period=10, callback=lambda t: alarms.append(time.ticks_ms()))
while len(alarms) < 50:
    pass
timer.deinit()
print("gaps", max(b - a for a, b in zip(alarms, alarms[1:])), "ms")
c = s.accept()[0]
c.send(c.recv(100))
c.close()
"""
    )
    with program.connect() as client:
        client.sendall(b"early")
        assert receive_all(client) == b"early"
    program.wait_for(" ms\n")
    assert int(re.search(r"gaps (\d+)", program.output)[1]) < 500


# ---- waiting


def test_sleep_takes_its_time_under_traffic(run):
    program = run(
        ECHO.replace(
            "while True:",
            """
import time, machine
def busy(t):
    pass
timer = machine.Timer(period=1, callback=busy)
for ms in (1, 3, 10, 100, 300):
    start = time.ticks_us()
    time.sleep_ms(ms)
    print("slept", ms, time.ticks_diff(time.ticks_us(), start))
start = time.ticks_us()
time.sleep_us(2500)
print("slept", 2.5, time.ticks_diff(time.ticks_us(), start))
print("awake")
while True:""",
        )
    )
    program.wait_for("awake\n")
    slept = re.findall(r"slept (\S+) (\d+)\n", program.output)
    assert len(slept) == 6
    for ms, us in slept:
        assert float(ms) * 1000 <= int(us) < float(ms) * 1000 + 100_000


def test_no_wakeup_is_lost_in_many_round_trips(run):
    """Each lost one would cost the 250 ms of lwIP's TCP timer, or more."""
    program = run(ECHO)
    rounds = 20_000
    slow = 0
    with program.greeted() as client:
        for i in range(rounds):
            start = time.monotonic()
            client.sendall(b"%06d" % i)
            assert receive(client, 6) == b"%06d" % i
            slow += time.monotonic() - start > 0.2
    assert slow <= 2


def test_waiting_costs_no_processor_time(run):
    program = run(ECHO)
    stat = Path(f"/proc/{program.process.pid}/stat")

    def ticks():
        fields = stat.read_text().rsplit(")")[1].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(2)
    assert (ticks() - before) / os.sysconf("SC_CLK_TCK") < 0.2


WAITS = {
    "sleep": "import time; time.sleep(60)",
    "loop": "while True: pass",
    "accept": "listen(port=81).accept()",
    "poll": "import select; p = select.poll(); p.register(listen(port=81)); p.poll()",
    "asyncio": "import asyncio\nasync def nap():\n    await asyncio.sleep(60)\nasyncio.run(nap())",
    "stdin": "import sys; sys.stdin.readline()",
    "input": "input()",
}


@pytest.mark.parametrize("kind", WAITS)
def test_ctrl_c_ends_every_wait(run, kind):
    program = run(LISTEN + "s = listen()\n" + WAITS[kind])
    time.sleep(0.1)
    start = time.monotonic()
    program.process.send_signal(signal.SIGINT)
    assert program.finish() == 1
    assert time.monotonic() - start < PROMPT
    assert program.output.rstrip().endswith("KeyboardInterrupt:")


def test_callbacks_run_while_the_console_is_read(run):
    program = run(
        LISTEN
        + """
import machine, sys
s = listen()
count = 0
def tick(timer):
    global count
    count += 1
    if count == 5:
        print("five ticks")
timer = machine.Timer(period=20, callback=tick)
print("got", repr(sys.stdin.readline()), count >= 5)
print("asked", input())
"""
    )
    program.wait_for("five ticks")
    program.process.stdin.write(b"hello\nagain\n")
    program.process.stdin.flush()
    assert program.finish() == 0
    assert "got 'hello\\n' True\n" in program.output
    assert "again" in program.output


def test_select_sees_console_input_at_once(run):
    program = run(
        LISTEN
        + """
import select, sys
s = listen()
poll = select.poll()
poll.register(sys.stdin, select.POLLIN)
poll.register(s, select.POLLIN)
while True:
    for stream, event in poll.poll():
        print("line", stream.readline())
"""
    )
    for i in range(5):
        time.sleep(0.05)
        start = time.monotonic()
        program.process.stdin.write(b"number %d\n" % i)
        program.process.stdin.flush()
        program.wait_for(f"line number {i}\n")
        assert time.monotonic() - start < 0.5


def test_asyncio_streams(run):
    program = run(
        """
import asyncio
async def echo(reader, writer):
    while True:
        data = await reader.read(1000)
        if not data:
            break
        writer.write(data)
        await writer.drain()
    await writer.wait_closed()
async def main():
    await asyncio.start_server(echo, "0.0.0.0", 80, backlog=20)
    while True:
        await asyncio.sleep(60)
asyncio.run(main())
"""
    )
    clients = [program.connect() for _ in range(10)]
    for round_ in range(50):
        for i, client in enumerate(clients):
            client.sendall(b"%d-%d" % (i, round_))
        for i, client in enumerate(clients):
            want = b"%d-%d" % (i, round_)
            assert receive(client, len(want)) == want
    for client in clients:
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client) == b""
        client.close()


# ---- the forwarder


def test_half_close_both_ways(run):
    program = run(ECHO)
    data = random.Random(1).randbytes(300_000)
    with program.greeted() as client:
        sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
        sender.start()
        got = receive_all(client)
        sender.join()
    assert got == data + b"goodbye"


def test_client_reset_reaches_the_server(run):
    program = run(
        LISTEN
        + """
s = listen()
for _ in range(2):
    c = s.accept()[0]
    c.send(b"hello")
    try:
        print("received", c.recv(10))
    except OSError as e:
        print("error", e.errno)
    c.close()
"""
    )
    with program.connect() as client:
        assert client.recv(5) == b"hello"
        start = time.monotonic()
        reset(client)
    program.wait_for("error 104\n")
    assert time.monotonic() - start < PROMPT
    with program.connect() as client:  # and an end in order is no reset
        assert client.recv(5) == b"hello"
    program.wait_for("received b''\n")


def test_server_reset_reaches_the_client(run):
    """lwIP resets a connection that is closed with data unread."""
    program = run(
        LISTEN
        + """
import time
s = listen()
c = s.accept()[0]
c.recv(1)
time.sleep_ms(200)
c.close()
time.sleep(60)
"""
    )
    with program.connect() as client:
        client.sendall(b"x" * 5000)
        with pytest.raises(ConnectionResetError):
            receive_all(client)


def test_refused_without_listener(run):
    program = run("print('up')\nimport time\ntime.sleep(60)", wait=False)
    program.wait_for("up")
    for _ in range(300):  # more than the forwarder has places
        start = time.monotonic()
        expect_refusal(program.port)
        assert time.monotonic() - start < PROMPT
    assert "modhttp: http" not in program.output


@pytest.mark.parametrize("count", [64, 200])
def test_parallel_connections(run, count):
    program = run(ECHO)
    clients = [program.greeted() for _ in range(count)]
    payloads = [random.Random(i).randbytes(20_000) for i in range(count)]
    got = [b""] * count

    def exchange(i):
        clients[i].sendall(payloads[i])
        got[i] = receive(clients[i], len(payloads[i]))

    threads = [threading.Thread(target=exchange, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == payloads
    for client in clients:
        client.close()


def test_more_clients_than_places_wait_their_turn(run):
    program = run(ECHO)
    clients = [program.greeted() for _ in range(250)]
    waiting = [program.connect() for _ in range(50)]
    for client in clients:
        client.close()
    for client in waiting:
        assert receive(client, 5) == b"hello"
        client.close()


def test_a_full_backlog_delays_by_milliseconds(run):
    """lwIP drops the SYN that does not fit and would repeat it after three seconds."""
    program = run(
        LISTEN
        + """
import time
s = listen(1)
while True:
    c = s.accept()[0]
    time.sleep_ms(20)
    c.close()
"""
    )
    start = time.monotonic()
    clients = []
    for _ in range(8):
        with contextlib.suppress(ConnectionResetError):  # modlwip refuses what its own queue has no room for
            clients.append(program.connect())
    for client in clients:
        with contextlib.suppress(ConnectionResetError):
            client.recv(1)
        client.close()
    assert time.monotonic() - start < 2


def test_a_megabyte_both_ways(run):
    program = run(ECHO)
    data = random.Random(2).randbytes(1_000_000)
    with program.greeted() as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        start = time.monotonic()
        sender.start()
        got = receive(client, len(data))
        sender.join()
        assert time.monotonic() - start < 10
    assert zlib.crc32(got) == zlib.crc32(data)


def test_back_pressure_both_ways(run):
    """Neither side can run ahead by more than the kernel's buffers and a window, and nothing is lost."""
    total = 40_000_000
    program = run(
        LISTEN
        + f"""
import time
s = listen()
c = s.accept()[0]
time.sleep_ms(500)
n = 0
while n < {total}:
    n += len(c.recv(65536))
print("received", n)
block = bytes(65536)
n = 0
while n < {total}:
    n += c.send(block)
print("sent", n)
c.close()
"""
    )
    with program.connect() as client:
        client.settimeout(0.2)
        ahead = 0
        block = bytes(65536)
        with pytest.raises(TimeoutError):
            while True:
                ahead += client.send(block)
        assert ahead < 10_000_000
        client.settimeout(PATIENCE)
        while ahead < total:
            ahead += client.send(block[: total - ahead])
        program.wait_for(f"received {total}")
        time.sleep(0.5)
        assert "sent" not in program.output
        assert len(receive_all(client)) >= total


def test_connections_leave_nothing_behind(run):
    program = run(ECHO)
    descriptors = Path(f"/proc/{program.process.pid}/fd")
    before = len(list(descriptors.iterdir()))
    for i in range(600):
        client = program.greeted()
        client.sendall(b"hello")
        assert receive(client, 5) == b"hello"
        if i % 3 == 0:
            reset(client)
        elif i % 3 == 1:
            client.shutdown(socket.SHUT_WR)
            assert receive_all(client) == b"goodbye"
        client.close()
    deadline = time.monotonic() + PATIENCE
    while len(list(descriptors.iterdir())) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(list(descriptors.iterdir())) == before


def test_address_is_printed_once_when_the_server_listens(run):
    program = run(
        LISTEN
        + """
import time
time.sleep_ms(300)
print("listening")
s = listen()
time.sleep_ms(300)
s.close()
s = listen()
time.sleep_ms(300)
print("end")
""",
        wait=False,
    )
    assert program.finish() == 0
    assert program.output == f"listening\nmodhttp: http://127.0.0.1:{program.port}\nend\n"


def test_port_in_use(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        (tmp_path / "program.py").write_text("print('started')")
        done = subprocess.run(
            [BINARY, tmp_path / "program.py"],
            env={**os.environ, "MODHTTP_FORWARD": f"{port}:80"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"modhttp: port {port} is in use") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("value", ["80", "0:80", "8080:0", "8080:65536", "a:80", "8080:80x", "nowhere:8080:80"])
def test_bad_forward_setting(value):
    done = subprocess.run(
        [BINARY, "-c", "print('started')"],
        env={**os.environ, "MODHTTP_FORWARD": value},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("modhttp: ") and done.stderr.count("\n") == 1


# ---- the image at /rom


def run_with_image(image, source="print('started')"):
    return subprocess.run(
        [BINARY, "-c", source],
        env={**os.environ, "MODHTTP_ROMFS": str(image)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("length", ["00", "0061", "8000", "80808000", "06020400616263"])
def test_images(tmp_path, length):
    (tmp_path / "rom.img").write_bytes(b"\xd2\xcd1" + bytes.fromhex(length))
    done = run_with_image(tmp_path / "rom.img", "import vfs; print(len(vfs.rom_ioctl(2, 0)), vfs.rom_ioctl(1))")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{3 + len(length) // 2} 1\n", "")


@pytest.mark.parametrize("content", [b"", b"\xd2\xcd1", b"\xd2\xcd2\0", b"text", b"\xd2\xcd1\1", b"\xd2\xcd1\x80",
                                     b"\xd2\xcd1\x81\0" + bytes(127), b"\xd2\xcd1" + b"\xff" * 20 + b"\x7f"])
def test_what_is_not_an_image(tmp_path, content):
    image = tmp_path / "rom.img"
    image.write_bytes(content)
    done = run_with_image(image)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(f"modhttp: MODHTTP_ROMFS={image}: not a ROMFS image(, or not all of one)?\n", done.stderr)


def test_no_image_where_one_should_be(tmp_path):
    done = run_with_image(tmp_path / "nowhere.img")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"modhttp: MODHTTP_ROMFS={tmp_path}/nowhere.img: No such file or directory\n"
    done = run_with_image(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"modhttp: MODHTTP_ROMFS={tmp_path}: not a ROMFS image\n"


def test_an_image_is_read_only_and_outlives_its_file(tmp_path):
    image = targets.image_of({"a.txt": b"there"}, tmp_path)
    done = run_with_image(image, f"""
import os, vfs
os.unlink({str(image)!r})
print(open("/rom/a.txt").read(), os.getenv("MODHTTP_ROMFS"), vfs.rom_ioctl(3, 0, 10))
for line in open("/proc/self/maps"):
    if "rom.img" in line:
        print(line.split()[1])
""")
    assert (done.returncode, done.stdout, done.stderr) == (0, "there None -22\nr--p\n", "")


# ---- threads


def test_threads_do_socket_io(run):
    """Four threads and the main one serve at the same time, each its own port within lwIP."""
    program = run(
        LISTEN
        + """
import _thread, time
done = []
def talk(port, count):
    c = socket.socket()
    c.connect(("127.0.0.1", port))
    for i in range(count):
        c.send(b"%06d" % i)
        assert c.recv(6) == b"%06d" % i
    c.close()
    done.append(port)
def serve(s):
    c = s.accept()[0]
    while True:
        data = c.recv(6)
        if not data:
            break
        c.send(data)
    c.close()
    done.append(0)
for port in (81, 82):
    s = listen(port=port)
    _thread.start_new_thread(serve, (s,))
    _thread.start_new_thread(talk, (port, 300))
s = listen()
serve(s)
while len(done) < 5:
    time.sleep_ms(10)
print("done", sorted(done))
"""
    )
    with program.connect() as client:
        for i in range(300):
            client.sendall(b"%06d" % i)
            assert receive(client, 6) == b"%06d" % i
    program.wait_for("done [0, 0, 0, 81, 82]\n")


# ---- the end of the program


def test_last_answer_is_sent_before_the_program_ends(run):
    program = run(
        LISTEN
        + """
s = listen()
c = s.accept()[0]
c.recv(10)
c.send(bytes(11000))
c.close()
"""
    )
    with program.connect() as client:
        client.sendall(b"x")
        assert receive_all(client) == bytes(11000)
    assert program.finish() == 0


@pytest.mark.parametrize(
    "source, status, last",
    [
        ("print('x')", 0, "x"),
        ("1 / 0", 1, "ZeroDivisionError: divide by zero"),
        ("raise SystemExit(3)", 3, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import machine; machine.reset()", 0, ""),
        ("import machine, time; machine.Timer(mode=0, period=1, callback=lambda timer: machine.reset())\n"
         "while True: time.sleep(1)", 0, ""),
        ("import nothing", 1, "ImportError: no module named 'nothing'"),
    ],
)
def test_exit_status(run, source, status, last):
    program = run(source, wait=False)
    assert program.finish() == status
    assert program.output.strip().split("\n")[-1] == last


# ---- stand-ins for the boards' modules


def test_network_and_machine_stand_ins(run):
    program = run(
        """
import machine, network
for nic in (network.WLAN(network.STA_IF), network.SLIP(), network.WIZNET5K()):
    nic.active(True)
    nic.connect("ssid", "password")
    nic.config(pm=network.WLAN.PM_NONE)
    assert nic.isconnected() and nic.status() == network.STAT_GOT_IP and len(nic.config("mac")) == 6
    assert nic.ifconfig()[0] == "127.0.0.1"
led = machine.Pin(25, machine.Pin.OUT)
led.on()
assert machine.Pin(25).value() == 1
led.toggle()
assert led() == 0
pwm = machine.PWM(led, freq=1000, duty_u16=100)
assert (pwm.freq(), pwm.duty_u16()) == (1000, 100)
pwm.duty_u16(70000)
assert pwm.duty_u16() == 65535
assert 0 <= machine.ADC(machine.Pin(26)).read_u16() < 65536
celsius = 27 - (machine.ADC(4).read_u16() * 3.3 / 65535 - 0.706) / 0.001721
assert 20 < celsius < 35
assert len(machine.unique_id()) == 8 and machine.freq() > 0
import time
fired = []
once = machine.Timer(mode=machine.Timer.ONE_SHOT, period=20, callback=fired.append)
time.sleep_ms(200)
assert fired == [once]
try:
    machine.Timer(period=0)
    print("accepted")
except ValueError:
    print("fine")
""",
        wait=False,
    )
    assert program.finish() == 0, program.output
    assert program.output == "fine\n"


# ---- TAP


@pytest.fixture
def wire():
    """A TAP device in a network namespace of its own."""
    if os.geteuid() != 0 or shutil.which("ip") is None or not Path("/dev/net/tun").exists():
        pytest.skip("needs root, ip and /dev/net/tun")
    name = f"modhttp{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        pytest.skip("network namespaces are not allowed here")
    inside = ["ip", "netns", "exec", name]
    for command in (
        ["ip", "tuntap", "add", "tap0", "mode", "tap"],
        ["ip", "address", "add", "10.77.0.1/24", "dev", "tap0"],
        ["ip", "link", "set", "tap0", "up"],
    ):
        subprocess.run(inside + command, check=True)
    yield inside
    subprocess.run(["ip", "netns", "delete", name], check=True)


CONNECT = """
import socket, sys
s = socket.create_connection(("10.77.0.2", 80), timeout=10)
data = bytes(range(256)) * 400
s.sendall(data)
s.shutdown(socket.SHUT_WR)
got = b""
while chunk := s.recv(65536):
    got += chunk
sys.exit(got != b"hello" + data + b"goodbye")
"""


def test_tap(wire, tmp_path):
    (tmp_path / "program.py").write_text(ECHO)
    server = subprocess.Popen(
        wire + [BINARY, tmp_path / "program.py"],
        env={**os.environ, "MODHTTP_TAP": "tap0,10.77.0.2/24,10.77.0.1"},
        stderr=subprocess.PIPE,
    )
    try:
        time.sleep(0.5)
        subprocess.run(wire + [sys.executable, "-c", CONNECT], check=True, timeout=PATIENCE)
    finally:
        server.kill()
        errors = server.communicate()[1].decode()
    assert errors == ""


def test_bad_tap_setting():
    done = subprocess.run(
        [BINARY, "-c", "print('started')"],
        env={**os.environ, "MODHTTP_TAP": "tap0,10.77.0.2"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert done.stderr == "modhttp: MODHTTP_TAP: expected name,address/prefix,gateway\n"
    assert done.stdout == ""


# ---- the terminal


def test_repl_serves_between_keys(tmp_path):
    """The REPL at a terminal: typed input works, and lwIP answers while it waits for the next key."""
    port = free_port()
    master, slave = os.openpty()
    process = subprocess.Popen(
        [BINARY],
        env={**os.environ, "MODHTTP_FORWARD": f"{port}:80", "HOME": str(tmp_path)},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    output = ""

    def expect(text):
        nonlocal output
        deadline = time.monotonic() + PATIENCE
        while text not in output and time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:
                output += os.read(master, 4096).decode()
        assert text in output, output

    try:
        expect(">>> ")
        expect_refusal(port)
        os.write(master, b"6 * 7\r")
        expect("42\r\n>>> ")
        os.write(master, b"import time; print('z' * 3); time.sleep(60)\r")
        expect("zzz")
        process.send_signal(signal.SIGINT)
        expect("KeyboardInterrupt: \r\n>>> ")
        os.write(master, b"\x04")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
