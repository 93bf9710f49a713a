"""Server-sent events."""

from _httpserver import event as text_of

from .response import HTTPResponse


class EventSource:
    """Make the connection a stream of events: source = await EventSource(reader, writer)."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    async def _open(self):
        response = HTTPResponse(200, "text/event-stream", close=False, header={"Cache-Control": "no-cache"})
        await response.send(self.writer)
        return self

    def __await__(self):
        return self._open()

    __iter__ = __await__  # what MicroPython's await asks for

    async def send(self, data=":", id=None, event=None, retry=None):
        """Send an event, waiting for room. Raises OSError when the client is gone."""
        self.writer.write(text_of(data, id, event, retry))
        await self.writer.drain()
