"""The two other faces: a class of do_GET, do_POST…, and a callback that is handed a response object."""

from _modhttp import reason
from modhttp.response import Response, field_lines


class Handler:
    """A class per path, an object per request, as in the standard library's http.server.

    A subclass has a method do_GET, do_POST… for each method that it serves; it gets what the pattern captures. It
    either returns an answer, as a decorated function does, or sends it: send_response(), send_header(),
    end_headers(), write().
    """

    def __init__(self, request):
        self.request = request
        self._status = 200
        self._fields = []

    @property
    def path(self):
        """The request target as sent, with its query."""
        return self.request.target

    @property
    def command(self):
        return self.request.method

    @property
    def headers(self):
        return self.request.headers

    @property
    def rfile(self):
        """The request body as a stream."""
        return self.request.stream

    @property
    def wfile(self):
        """The answer's body as a stream."""
        return self.request

    def send_response(self, code, message=None):
        """Begin an answer. `message` is for programs that give one: the reason phrase sent is HTTP's own."""
        self._status = code
        self._fields = []

    def send_header(self, keyword, value):
        """Add a field. A name or value that HTTP does not allow is a ValueError in end_headers()."""
        self._fields.append((keyword, value))

    def end_headers(self):
        """Send what send_response() and send_header() said. Content-Length, where given, must be kept to by write()."""
        begin(self.request, self._status, self._fields)

    def write(self, data):
        """Send a piece of the body, waiting for room. Raises OSError when the client is gone."""
        self.request.write(data)

    def send_error(self, code, message=None, explain=None):
        """Answer with an error page of text."""
        self.request.answer(((explain or message or reason(code)) + "\n", code))


def begin(request, status, fields, content_type=None):
    """Begin an answer of `fields`, pairs or a dict, of which Content-Length and Content-Type are HTTP's own."""
    lines, named, length = field_lines(fields)
    length = None if length is None else int(length)
    request.begin(status, named or content_type, length, lines or None)


def methods_of(handler):
    """The methods that a Handler subclass serves."""
    return [name[3:] for name in dir(handler) if name.startswith("do_")]


def route_for(handler, method):
    """A function for a route that has an object of the class serve it."""
    name = "do_" + method

    def serve(request, *captures):
        return getattr(handler(request), name)(*captures)

    return serve


def route_for_callback(function):
    """A function for a route that calls function(request, response)."""

    def serve(request):
        response = CallbackResponse(request)
        result = function(request, response)
        if hasattr(result, "send"):
            return response._later(result)
        return response._answer

    return serve


class CallbackResponse:
    """What a callback answers with: send() once, or begin() and write() step by step."""

    def __init__(self, request):
        self._request = request
        self.status = 200
        self.headers = {}
        self.content_type = None
        self._answer = None

    def send(self, body=b"", status=None, headers=None, content_type=None):
        """Answer with anything that a handler may return as a body; it goes out when the callback returns."""
        if headers:
            self.headers.update(headers)
        self._answer = Response(
            body, status or self.status, self.headers or None, content_type or self.content_type
        )

    def _later(self, coroutine):
        yield from coroutine
        return self._answer

    def begin(self):
        """Send status and headers; write() then sends the body."""
        begin(self._request, self.status, self.headers, self.content_type)

    def write(self, data):
        """Send a piece of the body, waiting for room. Raises OSError when the client is gone."""
        self._request.write(data)
