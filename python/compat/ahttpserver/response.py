"""The head of an answer."""

from _httpserver import Response, reason  # noqa: F401


class HTTPResponse(Response):
    """HTTPResponse(status, mimetype=None, close=True, header=None): see Response."""

    async def send(self, writer):
        """Begin the answer; its body is what is written from then on."""
        self._begin(writer)
        await writer.drain()
