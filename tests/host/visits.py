"""Clients' visits to faults_app.py: what each does, and that it gets the right answers or an orderly failure."""

import contextlib
import http.client
import json
import select
import time

import target as targets

# Seconds until a client gives up. The app's deadlines are 4 s; lost packets are repeated after 3 s, then after longer.
PATIENCE = 15

# Seconds until a visit is over in any case: a server that goes on sending is not waited for, either.
VISIT = 120

# The server's answers to a request that it cannot serve for want of memory, or whose body it lost the patience for.
REFUSALS = (500, 503, 408)


SILENT = "reset without memory to say so"


class Over(Exception):
    """The connection has ended in an orderly way before all was answered; the argument says how."""


class Talk:
    """One client of a scenario. `reference`: the answers of the run without faults; None in that run itself."""

    def __init__(self, patient, reference):
        self.patient = patient
        try:
            self.wire = targets.Wire(patient.program.port, PATIENCE)
        except ConnectionError:
            raise Over("reset") from None
        self.reference = reference
        self.answers = []
        self.refused = []
        self.ended = False
        self.deadline = time.monotonic() + VISIT

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.wire.socket.close()

    def send(self, data):
        with contextlib.suppress(ConnectionError):  # ended by the server: what it said is there to be read
            self.wire.send(data)

    def get(self, path, fields="", version="1.1", method="GET"):
        self.send(f"{method} {path} HTTP/{version}\r\nHost: test\r\n{fields}\r\n".encode())

    def post(self, path, body, fields=""):
        self.get(path, f"Content-Length: {len(body)}\r\n{fields}", method="POST")
        self.send(body)

    def answer(self, method="GET"):
        """The next answer: the reference's, or a refusal."""
        expected = self.reference and self.reference[len(self.answers)]
        try:
            answer = self._read(method)
        except http.client.IncompleteRead as cut:
            assert expected and expected.body.startswith(cut.partial), "wrong bytes"
            raise Over("cut short") from None
        except http.client.RemoteDisconnected:
            raise Over("closed") from None
        except ConnectionError:
            raise Over("reset") from None
        closes = answer.headers.pop("connection", "") == "close"  # may depend on when the client's FIN came
        self.answers.append(answer)
        if expected and answer != expected:
            assert answer.status in REFUSALS, f"expected {expected}, got {answer}"
            self.refused.append(answer.status)
        if closes and method == "HEAD" and self.refused:
            raise Over(f"refused: {answer.status}")  # who finds no slot is not asked for the method: there is a body
        if closes:
            self.end()
            if self.refused:
                raise Over(f"refused: {answer.status}")

    def _read(self, method):
        try:
            answer = self.wire.answer(method)
        except TimeoutError:
            self.poke()
            raise Over(SILENT) from None
        headers = {name.lower(): value for name, value in answer.headers.items() if name not in ("Date", "ETag")}
        return targets.Answer(answer.status, headers, answer.body)

    def poke(self):
        """Send something to a server that is silent beyond its deadlines: it must not know the connection any more.

        It had no memory for the reset. Now it has.
        """
        self.patient.faults.disarm()
        try:
            self.wire.send(b"\r\n")
            assert self.wire.socket.recv(1) == b"", "bytes after silence"
        except ConnectionError:
            pass
        except TimeoutError:
            raise AssertionError("the client waits in vain") from None

    def end(self):
        """The server must end the connection now."""
        if self.ended:
            return
        self.ended = True
        try:
            assert self.wire.is_over(), "more bytes than the answers"
        except TimeoutError:
            self.poke()

    @contextlib.contextmanager
    def reading(self):
        try:
            yield
        except ConnectionError:
            raise Over("reset") from None
        except TimeoutError:
            self.poke()
            raise Over(SILENT) from None

    def read(self, expected):
        """Raw bytes."""
        data = b""
        with self.reading():
            while len(data) < len(expected):
                piece = self.wire.makefile("r").read1(len(expected) - len(data))
                if not piece:
                    break
                data += piece
        assert expected.startswith(data), data
        if data != expected:
            raise Over("cut short")

    def until(self, end):
        """Bytes up to and with these."""
        data = b""
        with self.reading():
            while not data.endswith(end):
                assert time.monotonic() < self.deadline, f"no {end!r} at the end of {data[-200:]!r}"
                piece = self.wire.makefile("r").read1(1)
                if not piece:
                    raise Over("cut short" if data else "closed")
                data += piece
        return data

    def begin(self):
        """The head of an answer that answer() cannot compare."""
        status = int(self.until(b"\r\n\r\n").split(b" ")[1])
        if status != 200:
            assert status in REFUSALS
            raise Over(f"refused: {status}")

    def wait(self, seconds):
        """Until something comes, but no longer."""
        select.select([self.wire.socket], [], [], seconds)


SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


CLOSE = "Connection: close\r\n"


@scenario
def get_and_close(talk):
    talk.get("/", CLOSE)
    talk.answer()


@scenario
def keep_alive(talk):
    for path in ("/", "/json", "/", "/nothing"):
        talk.get(path)
        talk.answer()


@scenario
def pipelined(talk):
    paths = (b"/", b"/json", b"/nothing", b"/lines/3", b"/")
    talk.send(b"".join(b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n" % path for path in paths))
    for _ in range(5):
        talk.answer()


@scenario
def pipelined_and_half_closed(talk):
    talk.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n" * 3)
    with contextlib.suppress(OSError):
        talk.wire.end()
    for _ in range(3):
        talk.answer()
    talk.end()


@scenario
def answered_in_c(talk):
    for path, method in (("/nothing", "GET"), ("/", "PUT"), ("/", "OPTIONS"), ("/", "BREW"), ("/nothing", "HEAD")):
        talk.get(path, method=method)
        talk.answer(method)


@scenario
def bad_request(talk):
    talk.send(b"GET / HTTP/1.1\r\nHost: test\r\nBad Field: x\r\n\r\n")
    talk.answer()


@scenario
def head_in_pieces(talk):
    for piece in (b"GET /about/blue?a=1&b=%41 HT", b"TP/1.1\r\nHost: test\r\nX-Many: 1\r\n", b"X-Many: 2\r\n\r\n"):
        talk.send(piece)
        time.sleep(0.005)
    talk.answer()


@scenario
def arguments(talk):
    talk.get("/about/dark%20blue?color=%C3%BC&x=2", "X-Many: one\r\nX-Many: two\r\n")
    talk.answer()


@scenario
def post_small(talk):
    talk.post("/echo", b"x" * 50)
    talk.answer()
    talk.post("/form", b"a=1&b=%20two")
    talk.answer()


@scenario
def post_large(talk):
    talk.post("/echo", bytes(range(256)) * 60)
    talk.answer()
    talk.get("/")
    talk.answer()


@scenario
def post_chunked(talk):
    chunks = b"".join(b"%x\r\n%s\r\n" % (size, b"y" * size) for size in (5, 300, 1))
    for _ in range(2):
        talk.get("/echo", "Transfer-Encoding: chunked\r\n", method="POST")
        talk.send(chunks + b"0\r\nTrailer: 1\r\n\r\n")
        talk.answer()


@scenario
def post_large_chunked(talk):
    talk.get("/echo", "Transfer-Encoding: chunked\r\n", method="POST")
    for number in range(5):
        talk.send(b"BB8\r\n%s\r\n" % (b"%d" % number * 3000))
    talk.send(b"0\r\n\r\n")
    talk.answer()


@scenario
def bodies_at_once(talk):
    """More of them than may have memory at a time. Each gets its own back."""
    with contextlib.ExitStack() as stack:
        talks = [talk, *(stack.enter_context(Talk(talk.patient, talk.reference)) for _ in range(4))]
        for other in talks:
            other.get("/echo", "Content-Length: 16000\r\n", method="POST")
            other.send(b"a" * 8000)
        for other in talks:
            other.send(b"b" * 8000)
        for other in talks[1:]:
            with contextlib.suppress(Over):
                other.answer()
                assert other.refused or other.answers[0].body == b"a" * 8000 + b"b" * 8000
        talk.answer()


@scenario
def post_in_pieces(talk):
    talk.get("/echo", "Content-Length: 3000\r\n", method="POST")
    for number in range(3):
        talk.send(b"%d" % number * 1000)
        time.sleep(0.005)
    talk.answer()


@scenario
def post_streamed(talk):
    talk.post("/count", b"z" * 40000)
    talk.answer()


@scenario
def post_unread(talk):
    talk.post("/unread", b"z" * 20000)
    talk.answer()
    talk.get("/")
    talk.answer()


@scenario
def post_too_large(talk):
    talk.post("/echo", b"z" * 20000)
    talk.answer()


@scenario
def expect_continue(talk):
    """As curl does it: the body goes out when told, or after a second."""
    talk.get("/echo", "Content-Length: 2000\r\nExpect: 100-continue\r\n", method="POST")
    talk.wait(1)
    talk.send(b"c" * 2000)
    talk.answer()


@scenario
def by_reference(talk):
    for _ in range(2):
        talk.get("/big")
        talk.answer()


@scenario
def generator(talk):
    talk.get("/lines/40")
    talk.answer()
    talk.get("/")
    talk.answer()


@scenario
def until_the_close(talk):
    """HTTP/1.0 without a length: an end that is no reset would be taken for the whole."""
    talk.get("/lines/40", version="1.0")
    talk.answer()


@scenario
def by_the_step(talk):
    talk.get("/pieces")
    talk.answer()


@scenario
def heads_only(talk):
    for path in ("/big", "/lines/5", "/json"):
        talk.get(path, method="HEAD")
        talk.answer("HEAD")


@scenario
def exceptions(talk):
    for path in ("/teapot", "/raise", "/"):
        talk.get(path)
        talk.answer()


@scenario
def detached(talk):
    talk.get("/upper")
    talk.answer()
    if talk.refused:
        return
    for text in (b"one", b"two", b"three"):
        talk.send(text)
        talk.read(text.upper())
    with contextlib.suppress(OSError):
        talk.wire.end()
    talk.end()


@scenario
def vanished(talk):
    """The client resets the connection in the middle of an answer."""
    talk.get("/big")
    with contextlib.suppress(OSError):
        talk.wire.makefile("r").read1(1000)
    talk.wire.vanish()


@scenario
def full_pool(talk):
    """Six connections are the pool. The seventh gets 503, or is served when another has failed."""
    hello = targets.Answer(200, {"content-type": "text/plain; charset=utf-8", "content-length": "5"}, b"hello")
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(Talk(talk.patient, [hello])) for _ in range(5)]
        for other in others:
            other.get("/")
        for other in others:
            with contextlib.suppress(Over):
                other.answer()
        talk.get("/")
        talk.answer()
        last = stack.enter_context(Talk(talk.patient, None))
        last.get("/")
        last.answer()
        assert last.answers[0] == hello or last.answers[0].status in REFUSALS


@scenario
def sensor(talk):
    for path in ("/room", "/room?last=2", "/room.csv?last=400", "/room.bin?last=400", "/room?since=0", "/room"):
        talk.get(path)
        talk.answer()
    talk.get("/room", "If-None-Match: *\r\n")
    talk.answer()


@scenario
def events(talk):
    """A sample at once, and one that is taken later. Of every sample the stream has all or nothing."""
    talk.get("/tick/events")
    talk.begin()
    last = -1
    for _ in range(2):
        while True:
            lines = talk.until(b"\n\n\r\n").decode().splitlines()
            fields = dict(line.split(": ", 1) for line in lines if ": " in line)
            if fields.get("event") == "sample":
                break
        data = json.loads(fields["data"])
        assert data["n"] == data["same"] == int(fields["id"]) > last
        last = data["n"]
        with Talk(talk.patient, None) as other:
            other.get("/update", CLOSE)
            other.answer()
            if other.answers[0].status != 200:
                raise Over(f"refused: {other.answers[0].status}")


@scenario
def value(talk):
    """By reference; the value is replaced meanwhile by another that is equal."""
    for path in ("/value", "/set", "/value"):
        talk.get(path)
        talk.answer()


@scenario
def metrics(talk):
    talk.get("/metrics", method="HEAD")
    talk.answer("HEAD")
    talk.get("/metrics")
    talk.begin()
    text = talk.until(b"\r\n0\r\n\r\n")
    assert b"\nroom_celsius 49.875\n" in text and b"\nmodhttp_head_buffers_free " in text
    talk.get("/room")
    talk.answer()
