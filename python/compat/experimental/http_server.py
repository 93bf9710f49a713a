"""EuroPi's experimental.http_server, on modhttp.

from experimental.http_server import *

server = HttpServer(port=8080)

@server.get_handler
def handle_http_get(request=None, connection=None):
    server.send_html(connection, "<h1>Hello</h1>")

while True:
    server.check_requests()
"""

import json
import sys
from errno import EHOSTUNREACH

from _connection import Connection, Listener
from _modhttp import reason
from modhttp import HTTPError, Response, Server


class HttpStatus:
    """Names of statuses. Any other from 200 to 599 can be sent as well."""

    OK = 200
    BAD_REQUEST = 400
    UNAUTHORIZED = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    REQUEST_TIMEOUT = 408
    TEAPOT = 418
    INTERNAL_SERVER_ERROR = 500
    NOT_IMPLEMENTED = 501

    StatusText = {
        status: reason(status)
        for status in (
            OK,
            BAD_REQUEST,
            UNAUTHORIZED,
            FORBIDDEN,
            NOT_FOUND,
            REQUEST_TIMEOUT,
            TEAPOT,
            INTERNAL_SERVER_ERROR,
            NOT_IMPLEMENTED,
        )
    }


class MimeTypes:
    """Names of content types. Any other can be sent as well."""

    CSV = "text/csv"
    HTML = "text/html"
    JSON = "text/json"
    TEXT = "text/plain"
    XML = "text/xml"
    YAML = "text/yaml"


class HttpServer:
    """A server that listens on `port`, and serves whenever the program calls check_requests().

    get_handler and post_handler say what it answers with.
    """

    # {errno} {errname} {message}, of which the latter two come as HTML
    ERROR_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>EuroPi Error {errno}</title></head>
<body style="font-family: sans-serif; text-align: center">
<h1>EuroPi</h1>
<h2>{errno} {errname}</h2>
<p>{message}</p>
</body>
</html>
"""

    def __init__(self, port=80):
        self.port = port
        self.get_callback = self.default_request_handler
        self.post_callback = self.default_request_handler
        self._app = Server(max_connections=24)
        self._app._core.fallback = self._serve
        self.socket = Listener(self._app)
        self._listens = False
        self._listen()

    def _listen(self):
        """Listen, or try again later: a program may make its server before it has a network."""
        try:
            self._app.start(self.port)
            self._listens = True
        except OSError as err:
            if err.args[0] != EHOSTUNREACH:
                raise

    def check_requests(self):
        """Serve the requests that wait, and return."""
        if not self._listens:
            self._listen()
            return
        for _ in range(8):  # the main loop is not to stand still for clients that ask again and again
            if not self._app.poll():
                break

    check_connections = check_requests

    def get_handler(self, func):
        """Decorator: answer GET with func(request=str, connection=Connection); it may call the latter `conn`.

        request is the request as sent: its lines, the empty line, the body.
        """
        self.get_callback = func
        return func

    def post_handler(self, func):
        """Decorator: answer POST, as get_handler does GET."""
        self.post_callback = func
        return func

    def default_request_handler(self, connection=None, request=None):
        """What serves where the program has no handler. Raises NotImplementedError."""
        raise NotImplementedError("No request handler set")

    def _serve(self, request):
        connection = Connection(request)
        try:
            self._handle(request, connection)
            if not request.begun:
                raise RuntimeError("the handler sent no response")
        except HTTPError:
            raise  # of the request: modhttp has the answer
        except Exception as err:
            if not request.begun:
                not_implemented = isinstance(err, NotImplementedError)
                self.send_error_page(err, connection, 501 if not_implemented else 500)
            sys.print_exception(err)
        finally:
            if connection.stream:
                connection.close()

    def _handle(self, request, connection):
        method = request.method
        if method == "GET":
            handler = self.get_callback
        elif method == "POST":
            handler = self.post_callback
        else:
            self.send_error_page(Exception("Unsupported HTTP method " + method), connection, HttpStatus.BAD_REQUEST)
            return
        text = _text(request.head) + _text(request.body)
        try:
            handler(request=text, connection=connection)
        except TypeError as err:
            if request.begun or not _is_unexpected("connection", err):
                raise
            try:
                handler(request=text, conn=connection)
            except TypeError as other:
                raise (err if _is_unexpected("conn", other) else other) from None

    def send_error_page(self, error, connection, status=HttpStatus.INTERNAL_SERVER_ERROR, headers=None):
        """Answer with ERROR_PAGE, which says the error's message."""
        name = HttpStatus.StatusText.get(status) or reason(status)
        page = self.ERROR_PAGE.format(errno=status, errname=_escape(name), message=_escape(str(error)))
        self.send_html(connection, page, status=status, headers=headers)

    def send_html(self, connection, html_page, status=HttpStatus.OK, headers=None):
        """Answer with an HTML page."""
        self.send_response(connection, html_page, status=status, content_type=MimeTypes.HTML, headers=headers)

    def send_json(self, connection, data, headers=None):
        """Answer with what `data`, a dict or the like, is as JSON."""
        self.send_response(connection, json.dumps(data), content_type=MimeTypes.JSON, headers=headers)

    def send_response(
        self, connection, response, status=HttpStatus.OK, content_type=MimeTypes.HTML, headers=None
    ):
        """Answer with a str, in UTF-8. headers is a dict. The connection then takes no more."""
        connection.answer(Response(response, status, headers, content_type + "; charset=utf-8"))


def _text(data):
    """A str of bytes: UTF-8, or else Latin-1, which any bytes are."""
    try:
        return str(data, "utf-8")
    except UnicodeError:
        text = bytearray()
        for byte in data:
            if byte >= 0x80:
                text.append(0xC0 | byte >> 6)
                byte &= 0xBF
            text.append(byte)
        return str(text, "utf-8")


def _escape(text):
    """Text as HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_unexpected(name, err):
    """Whether a call failed because the function has no such argument."""
    return "unexpected keyword argument '%s'" % name in str(err)
