"""The clients of `make soak`: `crowd.py ADDRESS CLIENTS SEED`, until SIGTERM.

Half of them are good: they verify every byte that they get, and know the few refusals that are in order. The others
are slow, talk rubbish, say nothing, or vanish; what these get has to be right as far as it goes. Prints a line for
everything that was not in order as it happens, and at the end a line of JSON: how often each thing came out which way.
"""

import asyncio
import collections
import contextlib
import json
import random
import signal
import socket
import sys
import time
import zlib

PORT = 80
BIG = b"".join(b"%07d\n" % i for i in range(12800))

PATIENCE = 60  # seconds without a byte until a good client says that the server has stalled
CONNECT_PATIENCE = 60  # a SYN that is lost is sent again after 1, 3, 7, 15 and 31 s
STALL = 1.2  # seconds without a byte, by loss, after which a full server may make room from a connection
HALF_OPEN = 0.5  # seconds without the last segment of the handshake, after which a full listener may let go of it
TIMEOUTS = 15 + 30  # the server's longest time-out, and some

LINGER_RESET = b"\1\0\0\0\0\0\0\0"

Case = collections.namedtuple("Case", "request status body head small")


class Orderly(Exception):
    """The server has ended it in a way that is in order; the text is which."""


class Wrong(Exception):
    """The server has done what it must not."""


# ---- what is asked, and the right answer


def case(method, target, body=b"", status=200, answer=b"", fields=b""):
    if body:
        fields += b"Content-Length: %d\r\n" % len(body)
    request = b"%s %s HTTP/1.1\r\nHost: soak\r\n%s\r\n" % (method, target, fields) + body
    return Case(request, status, answer, method == b"HEAD", len(answer) < 5000 and len(body) < 1000)


def chunked(data, size):
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def get_text(chance):
    length = chance.choice([0, 1, 200, 255, 256, 1000, 1460, 5000, 20000])
    return case(b"GET", b"/text/%d" % length, answer=BIG[:length])


def get_json(chance):
    number = chance.randrange(1000)
    return case(b"GET", b"/json/%d" % number, answer=b'{"number": %d, "square": %d}' % (number, number**2))


def get_pieces(chance):
    count = chance.randrange(40)
    return case(b"GET", b"/pieces/%d" % count, answer=b"".join(BIG[8 * i : 8 * i + 400] for i in range(count)))


def post_echo(chance):
    body = chance.randbytes(chance.choice([1, 100, 1000, 4000, 16000]))
    return case(b"POST", b"/echo", body, answer=body)


def post_chunked(chance):
    body = chance.randbytes(chance.choice([1, 500, 8000]))
    fields = b"Transfer-Encoding: chunked\r\n"
    made = case(b"POST", b"/echo", answer=body, fields=fields)
    return made._replace(request=made.request + chunked(body, chance.choice([100, 1000, 10000])), small=False)


def put_sum(chance):
    body = chance.randbytes(chance.choice([20000, 50000, 100000]))
    return case(b"PUT", b"/sum", body, answer=b"%d %d" % (len(body), zlib.crc32(body)))


CASES = [
    *[get_text] * 5,
    *[get_json] * 3,
    get_pieces,
    post_echo,
    post_chunked,
    put_sum,
    lambda chance: case(b"GET", b"/big", answer=BIG),
    lambda chance: case(b"GET", b"/late", answer=b"late\n"),
    lambda chance: case(b"HEAD", b"/big"),
    lambda chance: case(b"GET", b"/nothing", status=404, answer=b"404 Not Found\n"),
    lambda chance: case(b"OPTIONS", b"/echo", status=204),
]

RUBBISH = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /\r\n\r\n",
    b"GET / HTTP/1.1\nHost: soak\n\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: soak\r\n\r\n",
    b"GET /\0 HTTP/1.1\r\nHost: soak\r\n\r\n",
    b"GET / HTTP/1.x\r\nHost: soak\r\n\r\n",
    b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: soak\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: soak\r\nX: " + b"a" * 3000,
    b"GET / HTTP/1.1\r\nHost: soak\r\nHost: soak\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: soak\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    b"POST /echo HTTP/1.1\r\nHost: soak\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 20000,
]


# ---- a connection


class Wire:
    """A connection, and what has come on it."""

    def __init__(self, address, crowd, receive_buffer=0):
        self.crowd = crowd
        self.address = address
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client that only reads would wait for ever when the wire loses a RST: it asks now and then.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.loop = asyncio.get_running_loop()
        self.data = b""
        self.ended = ""  # how: "FIN" or "RST"
        self.answers = 0
        self.stalled = False  # for long enough to be thrown out for it
        self.moved = time.monotonic()

    async def __aenter__(self):
        try:
            async with asyncio.timeout(CONNECT_PATIENCE):
                await self.loop.sock_connect(self.socket, (self.address, PORT))
        except OSError as error:  # TimeoutError is one
            self.socket.close()
            self.note_movement(HALF_OPEN)
            if self.stalled and isinstance(error, ConnectionResetError):
                # The handshake's last segment was that late, or it was connected, and refused before we looked.
                raise Orderly("ended when stalled") from None
            if isinstance(error, ConnectionRefusedError):
                # The kernel took a port again that lwIP still remembers. A listener that is gone would show at the end.
                raise Orderly("port in use a moment ago") from None
            raise Wrong(f"no connection: {error!r}") from None
        self.moved = time.monotonic()
        return self

    async def __aexit__(self, *exception):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)

    def note_movement(self, allowed=STALL):
        now = time.monotonic()
        self.stalled = self.stalled or now - self.moved > allowed
        self.moved = now

    async def ready(self, writable=False):
        """Wait until there is something to read, or room to write. Nothing is lost when it is cancelled."""
        number = self.socket.fileno()
        waiting = self.loop.create_future()

        def wake():
            if not waiting.done():
                waiting.set_result(None)

        self.loop.add_reader(number, wake)
        if writable:
            self.loop.add_writer(number, wake)
        try:
            async with asyncio.timeout(PATIENCE):
                await waiting
        except TimeoutError:
            raise Wrong(f"nothing moved for {PATIENCE} s") from None
        finally:
            self.loop.remove_reader(number)
            self.loop.remove_writer(number)

    async def send(self, data):
        """Send, and take what comes meanwhile: an answer may come before all is sent. False when it has ended."""
        while data and not self.ended:
            try:
                sent = self.socket.send(data[:65536])
                data = data[sent:]
                self.crowd.sent += sent
            except BlockingIOError:
                await self.ready(writable=True)
                self.receive_now(65536)
            except OSError:
                while self.receive_now(65536):
                    pass  # what came before the RST
                self.ended = "RST"
        return not self.ended

    def receive_now(self, size):
        """Take what is there. False when there is nothing."""
        try:
            piece = self.socket.recv(size)
        except BlockingIOError:
            return False
        except OSError:
            self.ended = "RST"
            piece = b""
        self.note_movement()
        self.data += piece
        self.crowd.received += len(piece)
        if not piece:
            self.ended = self.ended or "FIN"
        return bool(piece)

    async def receive(self, size=65536):
        """Wait for more. False when there is no more."""
        while not self.ended:
            if self.receive_now(size):
                return True
            if not self.ended:
                await self.ready()
        return False

    async def take(self, enough):
        """Take what `enough` says is there: a length, or None for more."""
        while (length := enough(self.data)) is None:
            if not await self.receive():
                raise self.cut()
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def cut(self):
        """What to raise when the server has ended it within an answer."""
        self.note_movement()
        if not self.data and self.answers:
            return Orderly("ended between requests")
        if self.stalled:
            return Orderly("ended when stalled")
        return Wrong(f"{self.ended} after {self.answers} answers and {self.data[:200]!r}")

    async def answer(self, head=False):
        """The next answer: status, fields, body."""
        while True:
            text = await self.take(lambda data: end_of(data, b"\r\n\r\n"))
            line, *lines = text[:-4].split(b"\r\n")
            if line != b"HTTP/1.1 100 Continue":
                break
        fields = {name.lower(): value.strip() for name, _, value in (each.partition(b":") for each in lines)}
        status = int(line.split()[1])
        body = b""
        if status != 204 and not head:
            if fields.get(b"transfer-encoding") == b"chunked":
                body = await self.chunks()
            else:
                length = int(fields[b"content-length"])
                body = await self.take(lambda data: length if len(data) >= length else None)
        self.answers += 1
        self.crowd.answers[status] += 1
        return status, fields, body

    async def chunks(self):
        body = b""
        while True:
            size = int((await self.take(lambda data: end_of(data, b"\r\n")))[:-2], 16)
            piece = await self.take(lambda data, size=size: size + 2 if len(data) >= size + 2 else None)
            if piece[-2:] != b"\r\n":
                raise Wrong(f"a chunk of {size} ends with {piece[-2:]!r}")
            if size == 0:
                return body
            body += piece[:-2]

    async def verify(self, expected):
        """Take the answer, which is the right one or an orderly refusal."""
        status, fields, body = await self.answer(expected.head)
        if status != expected.status:
            what = f"{status} for {expected.request[:60]!r}"
            if status == 503 and b"retry-after" in fields and fields.get(b"connection") == b"close":
                raise Orderly("503")
            if status == 408 and fields.get(b"connection") == b"close":
                self.note_movement()
                raise Orderly("408 when stalled") if self.stalled else Wrong(what)
            raise Wrong(what)
        if body != expected.body:
            at = next((i for i, (a, b) in enumerate(zip(body, expected.body, strict=False)) if a != b), -1)
            what = f"{len(body)} bytes for {len(expected.body)}, different at {at}"
            raise Wrong(f"{what}, to {expected.request[:60]!r}")

    async def expect_end(self, patience=TIMEOUTS):
        """Whatever else comes, the server ends it."""
        try:
            async with asyncio.timeout(patience):
                while await self.receive():
                    self.data = self.data[-4096:]
        except TimeoutError:
            raise Wrong(f"still open after {patience} s") from None


def end_of(data, separator):
    at = data.find(separator)
    return None if at < 0 else at + len(separator)


# ---- good clients


async def keep_alive(crowd, chance):
    """Some requests, one after the other."""
    async with Wire(crowd.address, crowd) as wire:
        for _ in range(chance.randint(1, 10)):
            expected = chance.choice(CASES)(chance)
            await wire.send(expected.request)
            await wire.verify(expected)
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() * 2)


async def pipelined(crowd, chance):
    """Several requests at once. Small ones: a client that does not read while it sends has to mind the windows."""
    cases = [chance.choice(CASES)(chance) for _ in range(8)]
    cases = [each for each in cases if each.small]
    async with Wire(crowd.address, crowd) as wire:
        await wire.send(b"".join(each.request for each in cases))
        for expected in cases:
            await wire.verify(expected)


async def half_closed(crowd, chance):
    """All that is to say and a FIN; then everything is answered, and the server ends it too."""
    expected = chance.choice(CASES)(chance)
    async with Wire(crowd.address, crowd) as wire:
        if await wire.send(expected.request):
            with contextlib.suppress(OSError):
                wire.socket.shutdown(socket.SHUT_WR)
        await wire.verify(expected)
        await wire.expect_end()
        if wire.data:
            raise Wrong(f"{wire.data[:100]!r} after the answer")


async def tiny_window(crowd, chance):
    """A large answer through a small window, read as fast as it comes."""
    async with Wire(crowd.address, crowd, receive_buffer=chance.choice([1024, 2048, 4096])) as wire:
        expected = case(b"GET", b"/big", answer=BIG)
        await wire.send(expected.request)
        await wire.verify(expected)


# ---- bad ones


async def slow_sender(crowd, chance):
    """A request that comes byte by byte, perhaps too slowly. It may be answered, or end with 408."""
    expected = chance.choice([get_json, get_text, post_echo])(chance)
    data = expected.request[:200]
    gap = chance.choice([0.01, 0.1, 1])
    async with Wire(crowd.address, crowd) as wire:
        start = time.monotonic()
        for at in range(len(data)):
            if not await wire.send(data[at : at + 1]):
                break
            await asyncio.sleep(gap)
            wire.stalled = True
            if time.monotonic() - start > TIMEOUTS:
                raise Wrong("a head or a body may be sent for ever")
        if len(data) < len(expected.request):
            await wire.expect_end()
            raise Orderly("ended")
        await wire.verify(expected)


async def slow_reader(crowd, chance):
    """A large answer, taken in sips, or not at all. The server may end it; what came before is right."""
    size = chance.choice([0, 100, 2000])
    async with Wire(crowd.address, crowd, receive_buffer=2048) as wire:
        await wire.send(b"GET /big HTTP/1.1\r\nHost: soak\r\n\r\n")
        until = time.monotonic() + chance.choice([3, 15])
        while time.monotonic() < until and not wire.ended:
            await asyncio.sleep(0.2)
            if size:
                await wire.receive(size)
        head, _, body = wire.data.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 200") and body != BIG[: len(body)]:
            raise Wrong("what a slow reader got is not the beginning of the answer")
        if chance.random() < 0.5:
            wire.reset()


async def rubbish(crowd, chance):
    """What no server understands. It says so and closes."""
    data = chance.choice([chance.choice(RUBBISH), chance.randbytes(chance.randint(1, 300)) + b"\r\n\r\n"])
    async with Wire(crowd.address, crowd) as wire:
        await wire.send(data)
        status, _, _ = await wire.answer()
        if status < 400:
            raise Wrong(f"{status} for {data[:60]!r}")
        await wire.expect_end()


async def silent(crowd, chance):
    """Connects, and says nothing, or only how it would begin."""
    async with Wire(crowd.address, crowd) as wire:
        await wire.send(b"GET /big HTTP/1.1\r\nHost:"[: chance.choice([0, 1, 23])])
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() * 10)
        else:
            await wire.expect_end()


async def vanishing(crowd, chance):
    """Sends some of its requests, reads some of the answers, and is gone with a RST."""
    data = b"".join(chance.choice(CASES)(chance).request for _ in range(chance.randint(1, 4)))
    data = data[: chance.choice([len(data), chance.randint(0, len(data))])]
    async with Wire(crowd.address, crowd, receive_buffer=chance.choice([0, 2048])) as wire:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chance.choice([0.05, 0.5, 2])):
                await wire.send(data)
                for _ in range(chance.choice([0, 1, 10, 100])):
                    if not await wire.receive(chance.choice([100, 5000])):
                        break
        wire.reset()


# Out of 16 clients.
KINDS = [*[keep_alive] * 4, *[pipelined] * 2, half_closed, tiny_window, *[slow_sender] * 2, *[slow_reader] * 2,
         *[rubbish] * 2, silent, vanishing]
GOOD = {keep_alive, pipelined, half_closed, tiny_window}


class Crowd:
    def __init__(self, address, seed):
        self.address = address
        self.seed = seed
        self.outcomes = collections.Counter()
        self.answers = collections.Counter()  # whole ones, by status
        self.sent = self.received = 0
        self.wrong = 0

    async def client(self, number):
        """One of the crowd: a connection after the other, always of its kind."""
        chance = random.Random(self.seed * 1000 + number)
        kind = KINDS[number % len(KINDS)]
        while True:
            pause = 0.2
            try:
                await kind(self, chance)
                outcome = "fine"
            except Orderly as orderly:
                outcome = str(orderly)
                pause = 2
            except Wrong as wrong:
                outcome = "ended" if kind not in GOOD and wrong.args[0].startswith(("RST", "FIN")) else str(wrong)
                if outcome != "ended":
                    self.wrong += 1
                    print(f"{kind.__name__}: {wrong}", flush=True)
                    outcome = "WRONG"
            self.outcomes[f"{kind.__name__}: {outcome}"] += 1
            await asyncio.sleep(chance.random() * pause)

    def report(self):
        return {"outcomes": dict(sorted(self.outcomes.items())), "wrong": self.wrong, "sent": self.sent,
                "received": self.received, "answers": {str(status): n for status, n in sorted(self.answers.items())}}


async def run(address, clients, seed):
    crowd = Crowd(address, seed)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    tasks = [asyncio.ensure_future(crowd.client(number)) for number in range(clients)]
    waiting = asyncio.ensure_future(ended.wait())
    await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()  # a client's own mistake
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(crowd.report()), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
