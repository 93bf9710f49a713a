"""WebSockets (RFC 6455). Frames, pings and closings are C's; here is what a program sees of them."""

import sys

import _modhttp
from modhttp.response import Response


class _Client:
    """One client's WebSocket."""

    _socket = None  # until the handshake is answered
    _done = False
    request = None
    protocol = None

    @property
    def closed(self):
        """(code, reason) once it is closed, else None. 1005: the client gave no code; 1006: it is gone without any."""
        return self._socket.closed

    def ping(self):
        """Ask the client for a sign of life now. When it has been silent, that happens by itself."""
        self._socket.ping()

    def _close(self, code, reason):
        self._done = True
        self._socket.close(code, reason)

    def _fail(self, exc):
        """The program's code raised."""
        if not (isinstance(exc, OSError) and self._socket.closed):  # the client is gone: nothing is wrong
            sys.print_exception(exc)
        self._close(1011, "")


class WebSocket(_Client):
    """A client, as a class of callbacks: a subclass has some of them. An object is made for each client, by Class().

    They are called as handlers are, by run(), poll(), serve() or in the background, and must not wait.
    """

    def on_open(self, request, *captures):
        """The WebSocket is open; captures are the path's. What request tells of the handshake, it goes on telling."""

    def on_message(self, message):
        """A whole message has come: str of text, bytes of binary."""

    def on_close(self, code, reason):
        """It is closed, by whomever. Called once, after the last message."""

    def send(self, message):
        """Send str as text, bytes and the like as binary, without waiting.

        False when what waits for this client has to go first: max_queue bytes, or eight messages. Raises OSError when
        it is closed.
        """
        return self._socket.send(message)

    def close(self, code=1000, reason=""):
        """Close, when what has been sent is there. on_message is not called any more."""
        self._close(code, reason)

    def _event(self):
        message = self._socket.recv()
        closed = None if message is not None else self._socket.closed
        try:
            if closed:
                self.on_close(*closed)
            elif message is not None and not self._done:
                self.on_message(message)
        except Exception as exc:
            self._fail(exc)

    def _open(self, handler, captures):
        try:
            self.on_open(self.request, *captures)
        except Exception as exc:
            self._fail(exc)


class AsyncWebSocket(_Client):
    """A client, as an async function gets it: `async for message in ws` ends when it is closed."""

    async def recv(self):
        """The next message: str of text, bytes of binary. None when it is closed and there are no more."""
        from modhttp.loop import readable

        while True:
            message = self._socket.recv()
            if message is not None or self._socket.closed:
                return message
            await readable(self._socket)

    def __aiter__(self):
        return self

    async def __anext__(self):
        message = await self.recv()
        if message is None:
            raise StopAsyncIteration
        return message

    async def send(self, message):
        """Send str as text, bytes and the like as binary, when what waits already is less than max_queue.

        Raises OSError when it is closed.
        """
        from modhttp.loop import writable

        while not self._socket.send(message):
            async with self._waiting:
                await writable(self._socket)

    async def close(self, code=1000, reason=""):
        """Close, when what has been sent is there."""
        self._close(code, reason)

    def _event(self):
        pass

    def _open(self, handler, captures):
        import asyncio

        self._waiting = asyncio.Lock()  # the loop lets one task at a time wait for a stream
        asyncio.create_task(self._run(handler, captures))

    async def _run(self, handler, captures):
        try:
            await handler(self, *captures)
            self._close(1000, "")
        except Exception as exc:
            self._fail(exc)
        except BaseException:
            self._close(1001, "")
            raise


def route_for(handler, max_message=4096, max_queue=4096, protocols=(), origins=None, ping=20):
    """A function for a route that has the class, or the async function, serve WebSockets: see Server.websocket()."""
    for name, value, least, most in (
        ("max_message", max_message, 1, 0x3FFFFF),
        ("max_queue", max_queue, 1, 0x3FFFFF),
        ("ping", ping, 0, 86400),
    ):
        if not least <= value <= most:
            raise ValueError("%s must be %d to %d" % (name, least, most))
    protocols = _names(protocols)
    origins = origins if origins is None else _names(origins)
    called = isinstance(handler, type) and issubclass(handler, WebSocket)
    if not called:
        import modhttp.loop  # so that run() finds a loop to be wanted

    def serve(request, *captures):
        if origins is not None and not _is_from(request, origins):
            return "403 Forbidden\n", 403
        if not called and modhttp.loop.core.cur_task is None:
            raise TypeError("an async WebSocket needs a loop to run in: await app.serve()")
        ws = handler() if called else AsyncWebSocket()
        for protocol in protocols:
            if _modhttp.offers(request, protocol):
                ws.protocol = protocol
                break
        on_event = ws._event if called else None
        try:
            socket = _modhttp.upgrade(request, on_event, max_message, max_queue, int(ping * 1000), ws.protocol)
        except MemoryError:
            return "503 Service Unavailable: no memory for another WebSocket\n", 503, {"Retry-After": "1"}
        if isinstance(socket, int):
            return _refusal(socket)
        ws._socket = socket
        ws.request = request
        ws._open(handler, captures)

    return serve


def _names(value):
    return (value,) if isinstance(value, str) else tuple(value)


def _is_from(request, origins):
    """Whether the page that asks is one of ours or of `origins`; programs other than browsers do not say."""
    origin = request.headers.get("Origin")
    return origin is None or origin in origins or origin.split("://")[-1] == request.headers.get("Host")


def _refusal(status):
    if status == 426:
        fields = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        return Response("426 Upgrade Required: this is a WebSocket\n", 426, fields)
    return "400 Bad Request: malformed WebSocket handshake\n", status


def broadcast(clients, message, drop=False):
    """Send to each of these WebSockets, without waiting for any. Returns how many took it.

    One that has no room, since its client is slow, misses this message; with drop=True it is closed, with 1013. Closed
    ones are passed over.
    """
    if not isinstance(message, str):
        message = bytes(message)  # once, instead of for each
    count = 0
    for ws in tuple(clients):
        try:
            if ws._socket.send(message):
                count += 1
            elif drop:
                ws._close(1013, "too slow")
        except OSError:
            pass
    return count


class Room:
    """Some WebSockets. Those that are closed drop out by themselves."""

    def __init__(self, drop=False):
        """drop: how send() treats a slow client, as in broadcast()."""
        self.drop = drop
        self._clients = set()

    def add(self, ws):
        self._clients = set(self)  # without the closed ones, whose memory is waited for
        self._clients.add(ws)

    def discard(self, ws):
        self._clients.discard(ws)

    def __iter__(self):
        return iter([ws for ws in self._clients if not ws._socket.closing])

    def __len__(self):
        return len(list(self))

    def send(self, message):
        """broadcast() to all of them."""
        return broadcast(self, message, self.drop)
