"""MODHTTP_PICO: its network interface, its soft reset, and what the build promises. In virtual time."""

import hashlib
import re
import subprocess
import sys

import pytest

import emulated
import target as targets

ROOT = emulated.ROOT
ELF = emulated.FIRMWARE.with_suffix(".elf")

# A socket server that gives every connection 20,000 bytes, all of them at the same time.
SEND_TO_ALL = """
import select, socket
data = bytes(range(250)) * 80
listener = socket.socket()
listener.bind(("0.0.0.0", 8080))
listener.listen(COUNT)
left = {}
for _ in range(COUNT):
    client = listener.accept()[0]
    client.setblocking(False)
    left[client] = memoryview(data)
while left:
    for client in list(left):
        try:
            n = client.send(left[client])
        except OSError as error:
            if error.errno != 11:
                raise
            continue
        left[client] = left[client][n:]
        if not left[client]:
            client.close()
            del left[client]
"""

ACCEPT_ONE = """
import socket
listener = socket.socket()
listener.bind(("0.0.0.0", PORT))
listener.listen(1)
client = listener.accept()[0]
"""

# A connection to which nothing is sent.
KEEP_ONE = ACCEPT_ONE.replace("PORT", "8081") + "quiet = client\n"

# A file that comes over a socket.
RECEIVE_FILE = ACCEPT_ONE.replace("PORT", "8080") + """
left = SIZE
with open("received", "wb") as file:
    while left:
        left -= file.write(client.recv(1024))
client.close()
"""

# A program that ends with a connection accepted, one that waits for accept, one closed, and sockets of other kinds.
LEAVE_SOCKETS = """
import socket
listener = socket.socket()
listener.bind(("0.0.0.0", 8080))
listener.listen(4)
first = listener.accept()[0]
first.send(b"x" * 2000)
second = listener.accept()[0]
second.close()
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", 5000))
bound = socket.socket()
bound.bind(("0.0.0.0", 9000))
print("ready")
"""


@pytest.fixture(scope="module", autouse=True)
def firmware():
    targets.prepare("rp2040")


@pytest.fixture
def board():
    with emulated.Board() as board:
        yield board


def run(board, program):
    result = board.exec(program)
    assert result.ended and not result.stderr, result
    return result.stdout.replace("\r\n", "\n")


def start(board, program):
    """Starts a program that listens, and gives it the time to."""
    board.start(program)
    board.run(50)


def status(board, counter):
    return int(run(board, f"import network; print(network.SLIP().status('{counter}'))"))


def restart(board):
    board.type("\x02\x04")  # out of the raw REPL, then a soft reset
    board.expect("soft reboot")
    board.expect(">>> ")


def test_slip_is_up_at_boot(board):
    out = run(board, "import network\nn = network.SLIP()\n"
                     "print(n.active(), n.isconnected(), n.status(), n.ifconfig(), n.config('baudrate'))")
    assert out == "True True 3 ('192.168.7.2', '255.255.255.0', '192.168.7.1', '0.0.0.0') 921600\n"


@pytest.mark.parametrize("call, error", [
    ("config('speed')", "ValueError"),
    ("config(baudrate=0)", "ValueError"),
    ("config(baudrate=10_000_000)", "ValueError"),
    ("status('nonsense')", "ValueError"),
    ("ifconfig(('192.168.7.2',))", "ValueError"),
])
def test_slip_refuses(board, call, error):
    assert error in board.exec(f"import network; network.SLIP().{call}").stderr


def test_uart0_is_the_networks_until_it_is_given_back(board):
    assert "network.SLIP" in board.exec("import machine; machine.UART(0)").stderr
    run(board, "import network, machine\nnetwork.SLIP().active(False)\nmachine.UART(0).write('hello')\n"
               "network.SLIP().active(True)")
    start(board, SEND_TO_ALL.replace("COUNT", "1"))
    assert len(board.connect(8080).recv()) == 20000
    assert board.wait().stderr == ""


def test_settings_last_until_the_soft_reset(board):
    run(board, "import network\nn = network.SLIP()\nn.config(baudrate=460800)\n"
               "n.ifconfig(('10.0.0.2', '255.0.0.0', '10.0.0.1', '10.0.0.1'))")
    out = "import network\nprint(network.SLIP().ifconfig()[:3], network.SLIP().config('baudrate'))"
    assert run(board, out) == "('10.0.0.2', '255.0.0.0', '10.0.0.1') 460800\n"
    restart(board)
    assert run(board, out) == "('192.168.7.2', '255.255.255.0', '192.168.7.1') 921600\n"


def test_a_full_transmit_ring_loses_and_delays_nothing(board):
    count = 8
    start(board, SEND_TO_ALL.replace("COUNT", str(count)))
    began = board.now
    clients = [board.connect(8080) for _ in range(count)]
    for client in clients:
        assert client.recv(ms=30_000) == bytes(range(250)) * 80
    seconds = (board.now - began) / 1000
    assert board.wait().stderr == ""
    assert status(board, "refused") > count
    assert status(board, "dropped") == status(board, "garbled") == status(board, "overruns") == 0
    # 160 kB take 1.8 s at 921,600 baud; headers, ENDs and acknowledgements the rest.
    assert seconds < 3


def test_a_full_transmit_ring_forgets_no_acknowledgement(board):
    """lwIP's fast timer, every 250 ms, takes what it was to acknowledge for acknowledged, whether or not it could."""
    start(board, KEEP_ONE + SEND_TO_ALL.replace("COUNT", "12"))
    quiet = board.connect(8081)
    board.run(50)
    clients = [board.connect(8080) for _ in range(12)]
    for _ in range(8):      # which nobody fetches: each keeps a buffer
        quiet.send(b"?", ms=500)    # after a second it would try again
        board.run(50)
    for client in clients:
        assert len(client.recv(ms=30_000)) == 20_000
    assert board.wait().stderr == ""
    assert status(board, "refused") > 12


def test_what_comes_while_flash_is_written_is_kept(board):
    """Interrupts are off then, 45 ms for each sector that is erased."""
    data = bytes(i * i % 251 for i in range(60_000))
    start(board, RECEIVE_FILE.replace("SIZE", str(len(data))))
    began = board.now
    client = board.connect(8080)
    client.send(data)
    assert client.recv(ms=60_000) == b"" and client.finished
    seconds = (board.now - began) / 1000
    assert board.wait().stderr == ""
    assert status(board, "overruns") == status(board, "dropped") == status(board, "garbled") == 0
    assert seconds < 3      # 0.9 s of flash, 0.7 s of line; each loss would cost more than half a second
    found = run(board, "import hashlib; print(hashlib.sha256(open('received', 'rb').read()).digest().hex())")
    assert found.strip() == hashlib.sha256(data).hexdigest()


def test_soft_reset_leaves_no_connection(board):
    for _ in range(10):
        start(board, LEAVE_SOCKETS)
        clients = [board.connect(8080) for _ in range(3)]
        board.wait()
        restart(board)
        board.run(50)
        assert [client.ask("recv")["state"] for client in (clients[0], clients[2])] == ["reset", "reset"]
        assert run(board, "import _modhttp; print(_modhttp.pcbs())") == "(0, 0, 0)\n"


def test_memory_after_soft_resets(board):
    free = "import gc; gc.collect(); print(gc.mem_free())"
    restart(board)
    before = run(board, free)
    for _ in range(3):
        start(board, LEAVE_SOCKETS)
        for _ in range(3):
            board.connect(8080)
        board.wait()
        restart(board)
    assert run(board, free) == before


def test_python_keeps_its_stack(board):
    out = run(board, "import micropython; micropython.mem_info()")
    assert re.search(r"stack: \d+ out of (\d+)", out)[1] == "7936"  # 8 kB less Python's own margin, as on a stock board


def test_interrupts_fit_into_the_stack_reserve():
    header = (ROOT / "modhttp/port/rp2/stack.h").read_text()
    reserve = re.search(r"^#define MODHTTP_STACK_RESERVE \((\d+)\)", header, re.MULTILINE)[1]
    objects = ELF.parent / f"obj-{ELF.stem}"
    done = subprocess.run([sys.executable, ROOT / "tools/stack_depth.py", ELF, objects, "--limit", reserve],
                          check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_fits_its_part_of_flash():
    table = subprocess.run(["arm-none-eabi-size", ELF], check=True, capture_output=True, text=True).stdout
    text, data = map(int, table.splitlines()[1].split()[:2])
    assert text + data <= 1 << 20
