"""Server-sent events."""

from _httpserver import event as text_of

from .response import HTTPResponse


class EventSource:
    """Make the connection a stream of events."""

    def __init__(self, conn):
        self.conn = conn
        HTTPResponse(200, "text/event-stream", close=False, header={"Cache-Control": "no-cache"}).send(conn)

    def send(self, data=":", id=None, event=None, retry=None):
        """Send an event, waiting for room. Raises OSError when the client is gone."""
        self.conn.write(text_of(data, id, event, retry))
