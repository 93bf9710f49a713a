"""What ahttpserver and httpserver have in common: routes, the request, the answer's head, the text of an event."""

import modhttp
from _headers import Headers, origin_form
from _modhttp import reason as phrase

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")

# Times 20 ms that a program is kept from ending after stop(), for the last answers to arrive.
FAREWELLS = 25

reason = {status: phrase(status) for status in (200, 400, 404)}


class HTTPServerError(Exception):
    """A method and path that already have a handler."""


class InvalidRequest(Exception):
    """A request line that is not three words, or whose method is unknown."""


class Header(Headers):
    """A request's fields, bytes to bytes."""

    def _fill(self, head):
        for line in head.lstrip().split(b"\n")[1:]:
            name, colon, value = line.partition(b":")
            if colon:
                name = self._find(name)
                self[name] = self[name] + b", " + value.strip() if name in self else value.strip()


class HTTPRequest:
    """A request line, bytes, taken apart: method, url, version ("1.1"), path, query (str) and parameters (dict).

    `header` has the fields, of a request that has come to the server. Raises InvalidRequest.
    """

    def __init__(self, request_line):
        try:
            words = request_line.decode().split()
        except UnicodeError:
            words = ()
        if len(words) != 3:
            raise InvalidRequest("not a method, a URL and a version: {}".format(request_line))
        self._head = b""
        self._take(*words)

    def _take(self, method, url, version):
        if method not in METHODS:
            raise InvalidRequest("unknown method: {}".format(method))
        self.method = method
        self.url = url
        self.version = version[version.find("/") + 1 :]
        self.path, _, self.query = url.partition("?")
        self.parameters = parameters(self.query)
        self._header = None

    @property
    def header(self):
        if self._header is None:
            self._header = Header(self._head)
        return self._header


class Received(HTTPRequest):
    """The HTTPRequest of a request of modhttp's."""

    def __init__(self, request):
        self._head = request.head
        self._take(request.method, origin_form(request), request.protocol)


def parameters(text):
    """{key: value} of a query, not decoded; of keys that repeat the first."""
    found = {}
    if not text:
        return found
    for pair in text.split("&"):
        key, _, value = pair.partition("=")
        if key and key not in found:
            found[key] = value
    return found


def query(request_line):
    """The parameters of a request line, bytes."""
    words = request_line.decode().split()
    return parameters(words[1].partition("?")[2] if len(words) > 1 else "")


class Response:
    """The head of an answer. `close`: the connection ends with the answer. `header`: a dict of further fields."""

    def __init__(self, status, mimetype=None, close=True, header=None):
        self.status = status
        self.mimetype = mimetype
        self.close = close
        self.header = {} if header is None else header

    def _begin(self, connection):
        fields = list(self.header.items())
        if self.close:
            fields.append(("Connection", "close"))
        connection.begin(self.status, fields, self.mimetype)


def event(data, id, event, retry):
    """An event as it is sent: a line for each line of its data."""
    text = ""
    for name, value in (("id", id), ("event", event), ("retry", retry), ("data", data)):
        if value is not None:
            for line in str(value).replace("\r\n", "\n").replace("\r", "\n").split("\n"):
                text += name + ": " + line + "\n"
    return text + "\n"


class Server:
    """Keeps what HTTPServer() and route() are told. A subclass has _call(), which calls a handler for a request."""

    def __init__(self, host="0.0.0.0", port=80, backlog=5, timeout=30):
        self.host = host
        self.port = port
        self.backlog = backlog
        self.timeout = timeout
        self._routes = {}
        self._app = None

    def route(self, method="GET", path="/"):
        """Decorator: handle this method and path. Raises HTTPServerError where they have a handler."""
        if (method, path) in self._routes:
            raise HTTPServerError("{} {} already has a handler".format(method, path))

        def add(function):
            self._routes[method, path] = function
            return function

        return add

    def _listen(self):
        if self._app is None:
            # All that a client can keep the server waiting for.
            seconds = 86400 if self.timeout is None else min(max(1, int(self.timeout)), 86400)
            self._app = modhttp.Server(
                max_connections=24, head_timeout=seconds, progress_timeout=seconds, idle_timeout=seconds
            )
            self._app._core.fallback = self._handle
        self._app.start(self.port, self.host)
        print("HTTP server started on {}:{}".format(self.host, self.port))

    def _handle(self, request):
        try:
            function, parsed = self._find(request)
        except InvalidRequest as exc:
            return repr(exc), 400
        return 404 if function is None else self._call(function, request, parsed)

    def _find(self, request):
        """(handler or None, HTTPRequest). GET's handler also serves HEAD. Raises InvalidRequest."""
        parsed = Received(request)
        function = self._route(parsed.method, parsed.path)
        if function is None:
            function = self._route(parsed.method, request.path)  # decoded
        return function, parsed

    def _route(self, method, path):
        function = self._routes.get((method, path))
        return self._routes.get(("GET", path)) if function is None and method == "HEAD" else function
