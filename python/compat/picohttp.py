"""For programs of picohttp: a function is called with each request and a response to fill in.

def handler(request, response):
    response.data = "hello from " + "/".join(request.path)

HttpServer(8080, handler)
"""

import builtins
import os
import socket
import sys

from _connection import Listener, pieces
from _headers import Headers
from modhttp import Server
from modhttp.response import field_lines

from micropython import const

# MicroPython raises plain OSError, which is then what programs catch by the name that they know.
builtins.FileNotFoundError = OSError

_DIRECTORY = const(0x4000)
_SIZE = const(6)

# Seconds that a request may wait behind slow handlers.
_QUEUE_TIMEOUT = const(120)

# Seconds that the client waits for a server.
_PATIENCE = const(30)

_listening = {}  # servers by port

_TYPES = {
    "css": "text/css", "csv": "text/csv", "gif": "image/gif", "htm": "text/html", "html": "text/html",
    "ico": "image/vnd.microsoft.icon", "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript",
    "json": "application/json", "pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml",
    "txt": "text/plain", "wasm": "application/wasm", "webp": "image/webp", "xml": "text/xml", "zip": "application/zip",
}


class HttpRequest:
    """path: the decoded segments, [""] for "/"; query, headers: dicts; data: str, or None without a body."""

    def __init__(self, method="", path=(), query=None, protocol="", headers=None, data=None):
        self.method = method
        self.path = path or []
        self.query = query or {}
        self.protocol = protocol
        self.headers = headers or {}
        self.data = data


class HttpResponse:
    """What a handler fills in: status, headers, and data, str or bytes. The protocol sent is the server's own."""

    def __init__(self, protocol="HTTP/1.0", status=200, headers=None, data=None):
        self.protocol = protocol
        self.status = status
        self.headers = headers or {}
        self.data = data

    @property
    def data(self):
        if self._file is not None:
            with open(self._file, "rb") as file:
                self.data = file.read(os.stat(self._file)[_SIZE])
        return self._data

    @data.setter
    def data(self, data):
        self._data = data
        self._file = None  # name of the file that is the data, read when somebody looks at it


def staticResource(request, response, staticBase="", defaultResource="index.html", defaultMime="text/plain"):
    """Answer with the file below staticBase that the path names: 404 where there is none, 501 for other than GET."""
    if request.method not in ("GET", "HEAD"):
        response.status = 501
        return
    segments = "/".join(request.path).split("/")
    if segments[0] == "":
        segments = [defaultResource]
    if staticBase and not staticBase.endswith("/"):
        staticBase += "/"
    name = staticBase + "/".join(segments)
    try:
        if ".." in segments or os.stat(name)[0] & _DIRECTORY:
            raise OSError
    except OSError:
        response.status = 404
        return
    response._file = name
    response.headers["Content-Type"] = _TYPES.get(name.split("/")[-1].split(".")[-1].lower(), defaultMime)


class HttpServer:
    """Calls handler(request, response, *args) for each request, one after the other; `threads` and `reuse` are kept.

    port: a number, or a list of which the first free one is used. start=False: start() is called by the program.
    block=False: start() returns, and requests are handled between the program's bytecodes.
    """

    def __init__(
        self, port=80, handler=staticResource, args=(), threads=True, start=True, block=True, reuse=True
    ):
        self.ports = port if isinstance(port, (list, tuple)) else [port]
        self.port = 0
        self.handler = handler
        self.args = args
        self.threads = threads
        self.reuse = reuse
        self.block = block
        self.socket = None
        self._server = Server(queue_timeout=_QUEUE_TIMEOUT)
        self._server._core.fallback = self._serve
        if start:
            self.start()

    def start(self):
        """Listen and serve. Returns the port, or 0 when there is none to be had; with block=True not until stopped."""
        for port, server in list(_listening.items()):
            if server.port != port:
                del _listening[port]
        for port in self.ports:
            if len(self.ports) > 1 and _listening.get(port, self._server) is not self._server:
                continue  # alone, it would be taken over
            try:
                self._server.start(port, background=not self.block)
            except OSError as exc:
                print("picohttp:", exc)
                continue
            _listening[port] = self._server
            self.port = port
            self.socket = Listener(self._server)
            if self.block:
                self._server.run(port)
            return port
        return 0

    def _serve(self, request):
        headers = Headers(request)
        path = request.path.strip("/").split("/")
        data = request.text if "Content-Length" in headers or "Transfer-Encoding" in headers else None
        asked = HttpRequest(request.method, path, request.query, request.protocol, headers, data)
        response = HttpResponse()
        try:
            self.handler(asked, response, *self.args)
        except Exception as exc:
            sys.print_exception(exc)
            response.status = 500
            response.data = str(exc)
        return _answer(request, response)


def _answer(request, response):
    """Send the response; what is too large for that is returned as pieces to send."""
    status = int(response.status)
    fields, content_type, _ = field_lines(response.headers)
    name = response._file
    try:
        data = response.data or b""
    except MemoryError:
        length = os.stat(name)[_SIZE]
        request.begin(status, content_type, length, fields or None)
        return pieces(name, length)
    if not isinstance(data, (str, bytes, bytearray, memoryview)):
        data = str(data)
    request.begin(status, content_type, len(memoryview(data)), fields or None)  # bytes, not characters
    request.write(data)


class HttpClient:
    """Sends requests to a server. Each returns an HttpResponse, or None after saying why there is none."""

    def __init__(self, host, port=80):
        self.host = host
        self.port = port

    def get(self, path, query=None, headers=None):
        return self.sendRequest(HttpRequest("GET", path, query, "HTTP/1.0", headers))

    def put(self, path, query=None, headers=None, data=None):
        return self.sendRequest(HttpRequest("PUT", path, query, "HTTP/1.0", headers, data))

    def post(self, path, query=None, headers=None, data=None):
        return self.sendRequest(HttpRequest("POST", path, query, "HTTP/1.0", headers, data))

    def delete(self, path, query=None, headers=None):
        return self.sendRequest(HttpRequest("DELETE", path, query, "HTTP/1.0", headers))

    def sendRequest(self, request):
        """Send an HttpRequest whose path is a str."""
        self.socket = socket.socket()
        try:
            self.socket.settimeout(_PATIENCE)
            self.socket.connect(socket.getaddrinfo(self.host, self.port)[0][-1])
            self.socket.write(self._compose(request))
            return _receive(self.socket)
        except Exception as exc:
            sys.print_exception(exc)
        finally:
            self.socket.close()

    def _compose(self, request):
        """The whole request, bytes."""
        target = _quote(request.path, "/")
        if request.query:
            target += "?" + "&".join([_quote(key) + "=" + _quote(str(request.query[key])) for key in request.query])
        lines = ["%s %s %s" % (request.method, target or "/", request.protocol), "Host: %s:%d" % (self.host, self.port)]
        lines += ["%s: %s" % item for item in request.headers.items()]
        data = request.data or b""
        if isinstance(data, str):
            data = data.encode()
        if data:
            lines.append("Content-Length: %d" % len(data))
        return "\r\n".join(lines + ["", ""]).encode() + data


def _receive(stream):
    """Read an answer. Its data is str, or bytes where they are no UTF-8; None without a body."""
    protocol, status = stream.readline().decode().split(None, 2)[:2]
    response = HttpResponse(protocol, int(status))
    length = -1
    while True:
        name, colon, value = stream.readline().decode().partition(":")
        if not colon:
            break
        response.headers[name.strip()] = value.strip()
        if name.strip().lower() == "content-length":
            length = int(value)
    data = stream.read(length)
    if length >= 0 and len(data) < length:
        raise OSError("the answer was cut short")
    try:
        response.data = data.decode() if data or length == 0 else None
    except UnicodeError:
        response.data = data
    return response


def _quote(text, safe=""):
    return "".join([
        chr(byte) if chr(byte).isalpha() or chr(byte).isdigit() or chr(byte) in "-._~" + safe else "%%%02X" % byte
        for byte in text.encode()
    ])
