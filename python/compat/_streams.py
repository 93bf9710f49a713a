"""The connection of a request, as programs know it that were written for asyncio's streams."""

from asyncio import sleep_ms

from _connection import Connection
from modhttp.loop import Reader, readable, writable


class AsyncConnection(Reader, Connection):
    """A Connection as asyncio's streams know it, reader and writer in one. It awaits where it has to wait."""

    def __init__(self, request):
        Reader.__init__(self, request)
        Connection.__init__(self, request)
        self._timeout = 0
        self._unsent = []  # what was written: the first is being sent
        self._rest = b""  # of that, where it is raw bytes

    def _send(self, data=None):
        """Send what there is room for of `data`, or of its rest. Returns whether that was all."""
        if self.stream is None:
            return self.request.push() if data is None else self.request.push(data)
        if data is not None:
            self._rest = memoryview(data)
        self._rest = self._rest[self.stream.write(self._rest) or 0 :]
        return not self._rest

    def write(self, data):
        """Send what there is room for of `data`, str or bytes, and keep the rest for drain()."""
        self._check()
        if self.stream is None and not self.request.begun:
            self.detach()
        size = len(data)
        if not isinstance(data, bytes):
            data = data.encode() if isinstance(data, str) else bytes(data)
        if size and (self._unsent or not self._send(data)):
            self._unsent.append(data)

    send = sendall = write

    async def drain(self):
        """Wait until all that was written is sent; give way to others in any case. OSError: the client is gone."""
        await sleep_ms(0)  # in place, too, of a sleep() that was not awaited, and another task would take for its own
        while self._unsent:
            while not self._send():
                await writable(self.stream or self.request)
            self._unsent.pop(0)
            if self._unsent:
                self._send(self._unsent[0])

    async def awrite(self, data, off=0, sz=-1):
        """write() and drain(), as they were called once."""
        self.write(memoryview(data)[off : len(data) if sz < 0 else off + sz] if off or sz >= 0 else data)
        await self.drain()

    awritestr = awrite

    async def _some(self, where):
        while True:
            if self.stream is None:
                some = self.request.pull(where)
            else:
                some = self._end().read(where) if isinstance(where, int) else self._end().readinto(where)
            if some is not None:
                return some
            await readable(self.stream or self.request)

    recv = Reader.read

    def get_extra_info(self, name):
        """Of "peername": the client's address and port."""
        if name != "peername":
            raise KeyError(name)
        try:
            return self.request.client
        except (OSError, RuntimeError):
            return "0.0.0.0", 0  # it is gone

    def close(self):
        """wait_closed() is what ends the answer, or the end of the handler."""

    async def wait_closed(self):
        if not self.closed:
            try:
                while self._unsent:
                    await self.drain()
            except OSError:
                pass  # the client is gone
            Connection.close(self)

    aclose = wait_closed
