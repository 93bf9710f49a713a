"""The head of an answer."""

from _httpserver import Response, reason  # noqa: F401


class HTTPResponse(Response):
    """HTTPResponse(status, mimetype=None, close=True, header=None): see Response."""

    def send(self, writer):
        """Begin the answer; its body is what is written to the connection from then on."""
        self._begin(writer)
