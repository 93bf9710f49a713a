"""The request log: every request, whoever answers it, as a reader of the Common Log Format has it."""

import re
import time

import pytest

import target as targets

APP = """
import modhttp

app = modhttp.Server(max_connections=6, progress_timeout=2)
lines = []
app.log(lines.append)

@app.get("/str")
def result_str(request):
    return "12345"

@app.get("/large")
def large(request):
    return b"x" * 5000

@app.get("/pieces")
def pieces(request):
    for number in range(10):
        yield "piece %d" % number

@app.get("/endless")
def endless(request):
    while True:
        yield b"x" * 500

@app.post("/")
def post(request):
    return 204

@app.get("/fails")
def fails(request):
    raise ValueError("oh")

@app.get("/raw")
def raw(request):
    stream = request.detach()
    stream.write(b"anything")
    stream.close()

@app.get("/log")
def log(request):
    found = lines[:]
    lines.clear()
    return found

@app.get("/sleep")
def sleep(request):
    import time
    time.sleep(1)
    return "slept"

app.value("/value", "text/plain", b"a value")
@app.websocket("/ws")
class Silent(modhttp.WebSocket):
    pass

app.value("/large-value", "text/plain", b"v" * 20000)
sensor = app.sensor("/sensor", history=20, a=1)
for n in range(30):
    sensor.update(a=n)
"""

RUNS = {
    "run": "\napp.run(port=80)\n",
    "background": "\nimport time\napp.start(port=80, background=True)\nwhile True:\n    time.sleep(1)\n",
    "asyncio": "\nimport asyncio\nasyncio.run(app.serve(port=80))\n",
}

HOST, DATE = r"(127\.0\.0\.1|192\.168\.7\.1)", r"\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000)\]"
CLF = re.compile(HOST + " - - " + DATE + r' "([^"]*)" (\d{3}|-) (\d+|-)')


@pytest.fixture(scope="module")
def server(target, tmp_path_factory):
    with targets.Program(target, APP + RUNS["run"], tmp_path_factory.mktemp("log")) as program:
        yield program


def log(server):
    """[(request, status, bytes)], without those that asked for it."""
    rows = [CLF.fullmatch(line) for line in server.get("/log").json() if not line.startswith("#")]
    assert all(rows)
    return [row.groups()[2:] for row in rows if '"GET /log' not in row[0]]


def logged(server, request, count=1):
    """The entries of this request, when there are so many."""
    deadline = time.monotonic() + server.patience
    found = []
    while len(found) < count:
        assert time.monotonic() < deadline, found
        found += [row for row in log(server) if row[0] == request]
    assert len(found) == count
    return [row[1:] for row in found]


FROM_C = ["/value", "/large-value", "/sensor", "/sensor?last=15", "/sensor.csv", "/sensor.bin?last=20", "/metrics"]


@pytest.mark.parametrize("path", ["/str", "/large", "/pieces", "/fails", "/nothing", *FROM_C])
def test_status_and_bytes_are_those_that_a_client_saw(server, path):
    log(server)
    with server.client() as client:
        for method in ("GET", "GET", "HEAD"):
            answer = client.request(method, path)
            size = len(answer.content)
            expected = (str(answer.status_code), str(size) if size else "-")
            assert logged(server, f"{method} {path} HTTP/1.1") == [expected]


def test_other_methods(server):
    with server.client() as client:
        client.post("/", content=b"x" * 3000)
        assert logged(server, "POST / HTTP/1.1") == [("204", "-")]
        client.post("/str")
        assert logged(server, "POST /str HTTP/1.1") == [("405", "23")]
        client.options("/str")
        assert logged(server, "OPTIONS /str HTTP/1.1") == [("204", "-")]
        client.request("BREW", "/str")
        assert logged(server, "BREW /str HTTP/1.1") == [("501", "20")]


def test_pipelined(server):
    with server.wire() as wire:
        wire.send(b"GET /str HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + b"GET /value HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        for _ in range(5):
            wire.answer()
    found = []
    while len(found) < 5:
        found += log(server)
    assert found == [("GET /str HTTP/1.1", "200", "5")] * 3 + [("GET /value HTTP/1.1", "200", "7")] * 2


def test_what_cannot_be_read(server):
    assert b" 400 " in server.exchange(b'GET /"\r\n192.168.7.1 - - forged\r\n\r\n')
    assert logged(server, "-") == [("400", "16")]


def test_nobody_forges_a_line(server):
    with server.wire() as wire:
        wire.get("/str\\x22", "X: y\r\n")
        wire.answer()
    assert logged(server, "GET /str\\x5cx22 HTTP/1.1") == [("404", "14")]


def test_a_long_target_is_cut(server):
    server.get("/" + "a" * 300)
    assert logged(server, "GET /" + "a" * 75 + "...") == [("404", "14")]


def test_what_the_program_answers_by_itself(server):
    assert server.exchange(b"GET /raw HTTP/1.1\r\nHost: a\r\n\r\n") == b"anything"
    assert logged(server, "GET /raw HTTP/1.1") == [("-", "8")]


def test_a_websocket_is_logged_when_it_opens(server):
    with server.wire() as wire:
        wire.get("/ws", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
        wire.read_until(b"\r\n\r\n")
        assert logged(server, "GET /ws HTTP/1.1") == [("101", "-")]
    time.sleep(0.2)
    assert log(server) == []


def test_clients_that_go_away(server):
    with server.wire() as wire:
        wire.get("/endless")
        wire.makefile("rb").read(2000)
        wire.vanish()
    status, size = logged(server, "GET /endless HTTP/1.1")[0]
    assert status == "200" and int(size) >= 1500
    with server.wire() as wire:
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
        time.sleep(0.3)
        wire.vanish()
    assert logged(server, "POST / HTTP/1.1") == [("499", "-")]


def test_what_there_is_no_room_for_is_counted(server):
    log(server)
    with server.wire() as busy, server.client() as client:
        busy.get("/sleep")
        for _ in range(40):
            client.get("/value")
        busy.answer()
    lines = []
    while not any(line.startswith("#") for line in lines):
        lines += server.get("/log").json()
    lost = [int(line.split()[1]) for line in lines if line.startswith("#")]
    lines += server.get("/log").json()
    assert all(re.fullmatch(r"# \d+ requests are not logged", line) for line in lines if line.startswith("#"))
    assert sum(lost) + sum('"GET /value ' in line or '"GET /sleep ' in line for line in lines) == 41


@pytest.mark.parametrize("run", RUNS)
def test_to_a_file_in_any_loop(target, tmp_path, run):
    """Also where C answers all that comes, and nothing else wakes the program."""
    app = APP.replace("app.log(lines.append)", """
class Console:
    def write(self, line):
        print("logged", line, end="")

app.log(Console())
""")
    with targets.Program(target, app + RUNS[run], tmp_path) as program:
        with program.client() as client:
            for _ in range(3):
                client.get("/value")
            program.wait_for('"GET /value HTTP/1.1" 200 7\n')
            assert client.get("/str").text == "12345"
        program.wait_for('"GET /str HTTP/1.1" 200 5\n')
        rows = [line.removeprefix("logged ") for line in program.console.splitlines() if line.startswith("logged ")]
        assert all(CLF.fullmatch(row) for row in rows)


def test_a_log_that_fails_ends(start):
    program = start(APP + """
def log(line):
    raise OSError(28)

app.log(log)

@app.get("/again")
def again(request):
    app.log(None)
    app.log(lines.append)
    return "again"
""" + RUNS["run"])
    for _ in range(3):
        assert program.get("/str").text == "12345"
    assert program.console.count("modhttp: the request log ends") == 1
    assert program.get("/again").text == "again"
    program.get("/value")
    assert logged(program, "GET /value HTTP/1.1") == [("200", "7")]
