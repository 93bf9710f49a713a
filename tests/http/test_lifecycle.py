"""Servers that start, stop and fail: each test runs a program of its own, and reads its console."""

import re

import pytest

HELLO = """
import modhttp
app = modhttp.Server()

@app.get("/")
def index(request):
    return "hello"
"""


def test_stop_and_start_ten_times(start):
    program = start(HELLO + """
import time
import _modhttp
@app.get("/stop")
def stop(request):
    app.stop()
    return "stopped"

for round in range(10):
    app.start(80)
    assert app.port == 80
    print("round", round)
    while app.port:
        app.poll(1000)
print("pcbs", _modhttp.pcbs()[:2], "left")
time.sleep(1)
""")
    for number in range(10):
        program.wait_for(f"round {number}\n")
        assert program.get("/").text == "hello"
        with program.wire() as wire:
            wire.get("/stop")
            assert wire.answer().body == b"stopped", "the answer under way is completed"
            assert wire.rest() == b""
    program.wait_for("left\n")
    assert re.search(r"^pcbs \((\d+), 0\) left$", program.console, re.MULTILINE)
    assert program.finish() == 0


def test_a_new_server_takes_over_the_port(start):
    program = start(HELLO + """
app.start(80)
newer = modhttp.Server()

@newer.get("/")
def index(request):
    return "newer"

newer.start(80)
print("ports", app.port, newer.port)
while True:
    newer.poll(1000)
""")
    program.wait_for("ports 0 80")
    assert program.get("/").text == "newer"


def test_two_servers_on_two_ports(start):
    program = start(HELLO + """
import socket
other = modhttp.Server(max_connections=4)
@other.get("/")
def index(request):
    return "other"
other.start(8000)
app.start(80)
while True:
    app.poll(10)
    other.poll(10)
""", app_port=8000)
    assert program.get("/").text == "other"


def test_port_in_use(start):
    program = start(HELLO + """
import socket
s = socket.socket()
s.bind(("0.0.0.0", 80))
s.listen(1)
app.run(port=80)
""", wait=False)
    assert program.finish() != 0
    assert re.search(r"^OSError: .*port 80 is in use", program.console, re.MULTILINE), program.console


@pytest.mark.parametrize("target", ["rp2040"], indirect=True)  # the host's loopback interface is always up
def test_no_network(start):
    program = start("""
import network
import modhttp
network.SLIP().active(False)
modhttp.Server().run()
""", wait=False)
    assert program.finish() != 0
    assert "no network interface is up" in program.console


def test_bad_arguments_name_themselves(start):
    program = start("""
import modhttp
names = ("max_connections head_buffers max_head max_fields max_target max_body head_timeout progress_timeout "
         "idle_timeout queue_timeout").split()
for name in names:
    for value in (-1, 1 << 29):
        try:
            modhttp.Server(**{name: value})
        except ValueError as error:
            assert name in str(error), error
        else:
            assert name == "max_body" and value > 0, name
for name in ("nonsense", "maxbody"):
    try:
        modhttp.Server(**{name: 1})
    except TypeError as error:
        pass
    else:
        assert False, name

app = modhttp.Server()
app.get("/a")(lambda request: "a")
for path in ("/a", "a", "", "/<", "/<>", "/<int:>", "/<float:x>", "/<path:x>/y", "/<a"):
    try:
        app.get(path)(lambda request: "b")
    except ValueError as error:
        assert path in str(error), error
    else:
        assert False, path
for port in (0, -1, 65536):
    try:
        app.start(port)
    except ValueError as error:
        assert "port" in str(error)
    else:
        assert False, port
try:
    app.start(80, host="nowhere.example")
except ValueError as error:
    assert "nowhere.example" in str(error)
else:
    assert False
print("all refused")
""", wait=False)
    assert program.finish() == 0, program.console
    assert "all refused" in program.console


def test_routes_may_be_added_while_serving(start):
    program = start(HELLO + """
@app.get("/add/<int:count>")
def add(request, count):
    for number in range(count):
        app.get("/added/%d" % number)(lambda request, number=number: "number %d" % number)
    return 204
app.run()
""")
    assert program.get("/added/3").status_code == 404
    assert program.get("/add/100").status_code == 204
    for number in (0, 3, 50, 99):
        assert program.get(f"/added/{number}").text == f"number {number}"
    assert program.get("/added/100").status_code == 404
    assert program.get("/").text == "hello"


def test_poll_in_a_loop_of_ones_own(start):
    program = start(HELLO + """
import time
app.start()
handled = ticks = 0
while handled < 3:
    before = time.ticks_ms()
    handled += app.poll(timeout_ms=20)
    assert time.ticks_diff(time.ticks_ms(), before) < 1000
    ticks += 1
assert app.poll() == 0
print("handled", handled)
time.sleep(1)  # the emulated board ends with the program, and takes with it what is still on the line
""")
    with program.client() as client:
        for _ in range(3):
            assert client.get("/").text == "hello"
    program.wait_for("handled 3")
    assert program.finish() == 0


def test_requests_that_no_one_polls_get_503(start):
    program = start("""
import modhttp, time
app = modhttp.Server(queue_timeout=1)
@app.get("/")
def index(request):
    return "never"
app.start()
time.sleep(1000)
""")
    answer = program.get("/")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def test_the_program_ends(start):
    program = start("print('done')\n", wait=False)
    assert program.finish() == 0
    assert "done\n" in program.console


def test_the_program_raises(start):
    program = start("def f():\n    raise KeyError('lost')\nf()\n", wait=False)
    assert program.finish() not in (0, None)
    assert "Traceback" in program.console
    assert "program.py\", line 2" in program.console
    assert "KeyError: lost" in program.console


def test_sixteen_requests_wait_for_a_busy_program(start):
    program = start("""
import modhttp, time
app = modhttp.Server()
@app.get("/<int:number>")
def index(request, number):
    return str(number)
app.start()
time.sleep(3)
while True:
    app.poll(1000)
""")
    wires = [program.wire() for _ in range(16)]
    for number, wire in enumerate(wires):
        wire.get(f"/{number}")
    for number, wire in enumerate(wires):
        assert wire.answer().body == b"%d" % number
        wire.socket.close()
