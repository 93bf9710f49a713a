"""For programs of Kyler Olsen's ytd_http_server: a class of DO_GET, DO_PUT…, an object of it for each request.

class Hello(HTTP_Request_Handler):
    def DO_GET(self):
        self.set_status(200)
        self.send_headers()
        self.send_body(b"hello")

HTTP_Server(Hello).serve_forever()
"""

import time

from _connection import Connection, Listener
from _headers import origin_form
from modhttp import Server

VERSION = "uytd/0.0.0a"

_METHODS = ("HEAD", "GET", "PUT", "POST", "DELETE")
_DATE = "{}, {:02} {} {} {:02}:{:02}:{:02} GMT"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class HTTPERROR(Exception):
    """Ends a handler quietly, once it has sent its headers."""


class HTTP_Request_Handler:
    """A request and its answer. A subclass overrides DO_GET and the like, which are 501 here."""

    def __init__(self, conn, addr):
        request = conn.request
        self._conn = conn
        self._addr = addr
        self._method = request.method
        self._path = origin_form(request)
        self._protocol = request.protocol
        self._status = "200 OK"
        self._fields = {}  # (name, value) by lower-case name
        self._head = None  # (status, fields) as send_headers() found them

    @property
    def addr(self):
        """The client's address, a str."""
        return self._addr

    @property
    def status(self):
        """What set_status() was given."""
        return self._status

    @property
    def method(self):
        return self._method

    @property
    def path(self):
        """Path and query as sent."""
        return self._path

    @property
    def protocol(self):
        return self._protocol

    @property
    def body(self):
        """The whole body, bytes."""
        return self._conn.request.body

    def DO(self):
        """Call the function for the request's method, and log it."""
        getattr(self, "DO_" + (self._method if self._method in _METHODS else "UNKNOWN"))()
        self._log("INFO", _code(self._status))

    def DO_HEAD(self):
        self._not_implemented()

    def DO_GET(self):
        self._not_implemented()

    def DO_PUT(self):
        self._not_implemented()

    def DO_POST(self):
        self._not_implemented()

    def DO_DELETE(self):
        self._not_implemented()

    def DO_UNKNOWN(self):
        """Any other method."""
        self._not_implemented()

    def _not_implemented(self):
        self.set_status("501 Not Implemented")
        self.send_headers()

    def has_header(self, key):
        return key in self._conn.request.headers

    def get_header(self, key):
        """The value of a field of the request. Raises KeyError when there is none."""
        return self._conn.request.headers[key]

    def set_status(self, status):
        """The answer's status: 404 or "404 Not Found"."""
        self._status = status

    def set_header(self, key, value):
        """Set a field of the answer. Raises ValueError for Server and Date, which are the server's."""
        lower = key.lower()
        if lower in ("server", "date"):
            raise ValueError("Header key '%s' cannot be changed." % key)
        self._fields[lower] = (key, value)

    def get_set_header(self, key):
        """What set_header() set. Raises KeyError when it has not."""
        return self._fields[key.lower()][1]

    def send_headers(self):
        """Send status and fields; they leave with the body's first piece, or when the handler ends."""
        if self._head is None:
            self._head = _code(self._status), [("Server", VERSION)] + list(self._fields.values())

    def send_body(self, data):
        """Send a piece of the body, as often as need be. Without a Content-Length it may be of any length."""
        if isinstance(data, str):
            data = data.encode()
        if not self._conn.request.begun:
            self.send_headers()
            self._begin(len(data))
        self._conn.write(data)

    def _begin(self, length):
        status, fields = self._head
        declared = _declared_length(fields)
        if declared is not None and declared < length:  # counted in characters
            fields = [field for field in fields if field[0].lower() != "content-length"]
        self._conn.begin(status, fields)

    def _finish(self):
        if not self._conn.request.begun:
            self.send_headers()
            if self._method != "HEAD" and _declared_length(self._head[1]) is None:
                self._head[1].append(("Content-Length", 0))
            self._begin(0)
        self._conn.close()

    def _log(self, level, status):
        print("%s [%s]: %s %s %s %s" % (level, self.get_time(), self._method, self._path, status, self._addr))

    @staticmethod
    def get_time():
        """The time as HTTP writes it."""
        year, month, day, hour, minute, second, weekday = time.gmtime()[:7]
        return _DATE.format(_DAYS[weekday], day, _MONTHS[month - 1], year, hour, minute, second)


def _declared_length(fields):
    for name, value in fields:
        if name.lower() == "content-length":
            return int(value)
    return None


def _code(status):
    return int(status.split(" ")[0]) if isinstance(status, str) else status


class HTTP_Server:
    """Serves each request with an object of the handler class."""

    def __init__(self, request_handler=HTTP_Request_Handler, address="", port=80):
        self._request_handler = request_handler
        self._address = address
        self._port = port
        self._server = Server()
        self._server._core.fallback = self._serve
        self.sock = Listener(self._server)

    def serve_forever(self):
        """Serve until Ctrl-C. Raises OSError when the port is in use or no network is up."""
        self._server.start(self._port, self._address or "0.0.0.0")
        print("HTTP listening...")
        self._server.run(self._port, self._address or "0.0.0.0")

    def _serve(self, request):
        handler = self._request_handler(Connection(request), request.client[0])
        try:
            handler.DO()
        except Exception as exc:
            if not isinstance(exc, HTTPERROR) or handler._head is None:
                handler._log("Error", 500)
                raise
        handler._finish()
