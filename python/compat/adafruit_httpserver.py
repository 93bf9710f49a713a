"""Runs programs for CircuitPython's adafruit_httpserver, versions 0.2 and 0.3. See docs/adafruit_httpserver.md."""

import os
import sys
from errno import EAGAIN, ECONNRESET, ENOENT
from socket import getaddrinfo

from _connection import Connection, pieces
from _headers import origin_form
from _modhttp import reason
from modhttp import Response, Server

# On the host a program's directory is what the root of its file system is to a board.
_FILES = "" if sys.platform == "rp2" else os.getcwd()


class HTTPStatus:
    """A status code: value, an int, and phrase. str() has both."""

    def __init__(self, value, phrase):
        self.value = value
        self.phrase = phrase

    def __repr__(self):
        return 'HTTPStatus(%d, "%s")' % (self.value, self.phrase)

    def __str__(self):
        return "%d %s" % (self.value, self.phrase)


HTTPStatus.OK = HTTPStatus(200, "OK")
HTTPStatus.NOT_FOUND = HTTPStatus(404, "Not Found")
HTTPStatus.INTERNAL_SERVER_ERROR = HTTPStatus(500, "Internal Server Error")


class MIMEType:
    """Media types by file name extension."""

    TEXT_PLAIN = "text/plain"

    _MIME_TYPES = {
        # pages and their parts
        "css": "text/css",
        "htm": "text/html",
        "html": "text/html",
        "js": "text/javascript",
        "json": "application/json",
        "jsonld": "application/ld+json",
        "mjs": "text/javascript",
        "php": "application/x-httpd-php",
        "xhtml": "application/xhtml+xml",
        "xml": "application/xml",
        "xul": "application/vnd.mozilla.xul+xml",
        # pictures
        "bmp": "image/bmp",
        "gif": "image/gif",
        "ico": "image/vnd.microsoft.icon",
        "jpeg": "image/jpeg",
        "jpg": "image/jpeg",
        "png": "image/png",
        "svg": "image/svg+xml",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        "webp": "image/webp",
        # sound
        "aac": "audio/aac",
        "cda": "application/x-cdf",
        "mid": "audio/midi",
        "midi": "audio/midi",
        "mp3": "audio/mpeg",
        "oga": "audio/ogg",
        "opus": "audio/opus",
        "wav": "audio/wav",
        "weba": "audio/webm",
        # moving pictures
        "avi": "video/x-msvideo",
        "mp4": "video/mp4",
        "mpeg": "video/mpeg",
        "ogv": "video/ogg",
        "ogx": "application/ogg",
        "ts": "video/mp2t",
        "webm": "video/webm",
        # typefaces
        "eot": "application/vnd.ms-fontobject",
        "otf": "font/otf",
        "ttf": "font/ttf",
        "woff": "font/woff",
        "woff2": "font/woff2",
        # documents
        "abw": "application/x-abiword",
        "azw": "application/vnd.amazon.ebook",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "epub": "application/epub+zip",
        "ics": "text/calendar",
        "odp": "application/vnd.oasis.opendocument.presentation",
        "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "odt": "application/vnd.oasis.opendocument.text",
        "pdf": "application/pdf",
        "ppt": "application/vnd.ms-powerpoint",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "rtf": "application/rtf",
        "txt": TEXT_PLAIN,
        "vsd": "application/vnd.visio",
        "xls": "application/vnd.ms-excel",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        # archives and programs
        "7z": "application/x-7z-compressed",
        "arc": "application/x-freearc",
        "bin": "application/octet-stream",
        "bz": "application/x-bzip",
        "bz2": "application/x-bzip2",
        "csh": "application/x-csh",
        "gz": "application/gzip",
        "jar": "application/java-archive",
        "mpkg": "application/vnd.apple.installer+xml",
        "rar": "application/vnd.rar",
        "sh": "application/x-sh",
        "swf": "application/x-shockwave-flash",
        "tar": "application/x-tar",
        "zip": "application/zip",
    }

    @staticmethod
    def mime_type(filename):
        """The type of a file with this name; text/plain where it is not known."""
        return MIMEType._MIME_TYPES.get(filename.split(".")[-1].lower(), MIMEType.TEXT_PLAIN)


class _HTTPRequest:
    """What a route's function is given; and, of method and path alone, a key of HTTPServer.routes."""

    def __init__(self, path="", method="", request=None):
        self.path = path
        self.method = method
        self._request = request
        self._raw = None

    @property
    def raw_request(self):
        """The whole request as bytes: request line, fields, an empty line, body. To be asked for before the answer."""
        if self._raw is None and self._request is not None:
            self._raw = self._request.head + self._request.body
        return self._raw

    def __hash__(self):
        return hash(self.method) ^ hash(self.path)

    def __eq__(self, other):
        return self.method == other.method and self.path == other.path

    def __repr__(self):
        return "_HTTPRequest(path=%r, method=%r)" % (self.path, self.method)


class HTTPResponse:
    """What a route's function returns.

    status: an HTTPStatus, or a tuple of code and phrase; the phrase that is sent is HTTP's own.
    body: str or bytes. With filename, that file below root is the body, and its name tells the type.
    """

    def __init__(self, *, status=HTTPStatus.OK, content_type=MIMEType.TEXT_PLAIN, body="", filename=None, root=""):
        self.status = status
        self.content_type = content_type
        self.body = body.encode() if isinstance(body, str) else body
        self.filename = filename
        self.root = root

    def send(self, conn):
        """Send it over `conn`: a connection of this server's, or any socket."""
        code, content_type, length, body = self._content()
        if isinstance(conn, Connection):
            conn.begin(code, {"Content-Length": length}, content_type)
        else:
            head = "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            _send_all(conn, (head % (code, reason(code), content_type, length)).encode())
        for piece in body:
            _send_all(conn, piece)

    def _answer(self, request):
        """For modhttp, which then keeps the connection, and streams a file beside other answers."""
        code, content_type, length, body = self._content()
        if isinstance(body, tuple):
            return Response(body[0], code, None, content_type)
        request.begin(code, content_type, length)
        return body

    def _content(self):
        """(status code, content type, length, pieces of the body: a tuple of one, or a generator)."""
        if not self.filename:
            return _code(self.status), self.content_type, len(self.body), (self.body,)
        try:
            path = _below(self.root, self.filename)
            mode, *_, length = os.stat(path)[:7]
            if mode & 0x4000 or self.filename.endswith("/"):  # a directory
                raise OSError(ENOENT)
        except OSError:
            text = ("%s %s\r\n" % (HTTPStatus.NOT_FOUND, self.filename)).encode()
            return 404, MIMEType.TEXT_PLAIN, len(text), (text,)
        return _code(self.status), MIMEType.mime_type(self.filename), length, pieces(path, length)


def _code(status):
    if isinstance(status, HTTPStatus):
        return status.value
    return int(str(status[0] if isinstance(status, tuple) else status)[:3])


def _below(root, filename):
    """The path of a file; OSError where dots would lead out of root."""
    parts = []
    for part in filename.split("/"):
        if part == "..":
            if not parts:
                raise OSError(ENOENT)
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if root and not root.startswith("/"):
        parts.insert(0, root)
        return "/".join(parts)
    return _FILES + root + "/" + "/".join(parts)


def _send_all(conn, data):
    data = memoryview(data)
    while len(data):
        try:
            data = data[conn.send(data) :]
        except OSError as exc:
            if exc.errno == ECONNRESET:
                return  # nobody to send to
            if exc.errno != EAGAIN:
                raise


class HTTPServer:
    """Serves the functions of its routes, and files.

    socket_source is for programs that pass one: the server has no sockets of its own.
    routes, {_HTTPRequest: function}, and root_path are for programs to look at. request_buffer_size: how long a
    request may be; at least 2048 bytes of head and 16384 of body are taken anyway. What is set after start() is late.
    """

    def __init__(self, socket_source):
        self.routes = {}
        self.root_path = "/"
        self.request_buffer_size = 1024
        self._server = None

    def route(self, path, method="GET"):
        """Decorator: serve `path`, a whole one, with the function. What was there before is replaced."""

        def add(function):
            self.routes[_HTTPRequest(path, method)] = function
            return function

        return add

    def start(self, host, port=80, root=""):
        """Listen at `host`, an address or a name, and serve files below `root`. poll() then handles requests.

        Raises OSError where the port is another program's, or no network is up.
        """
        self.root_path = root
        if self._server is None:
            self._server = Server(**self._limits())
            self._server._core.fallback = self._serve
        self._server.start(port, getaddrinfo(host or "0.0.0.0", port)[0][-1][0])

    def poll(self):
        """Handle the requests that have come. A handler's exception is printed, and answered with a 500."""
        self._server.poll()

    def serve_forever(self, host, port=80, root=""):
        """start(), and serve until Ctrl-C."""
        self.start(host, port, root)
        try:
            while self._server.port:
                self._server.poll(-1)
        except KeyboardInterrupt:
            self._server.stop()
            raise

    def _limits(self):
        size = self.request_buffer_size
        head = min(size, 32768)
        if head <= 2048:
            return {}
        # Of the same memory, fewer heads.
        heads = max(16384 // head, 1)
        return {"max_head": head, "max_target": head, "head_buffers": heads, "max_body": max(size, 16384)}

    def _find(self, request, asked):
        """The function of the route that has the target as sent, query and all; or else its path. HEAD may be GET's."""
        get = self.routes.get
        for method in ("HEAD", "GET") if asked.method == "HEAD" else (asked.method,):
            function = get(_HTTPRequest(asked.path, method)) or get(_HTTPRequest(request.path, method))
            if function:
                return function
        return None

    def _serve(self, request):
        asked = _HTTPRequest(origin_form(request), request.method, request)
        function = self.routes.get(asked) or self._find(request, asked)
        if function:
            response = function(asked)
        elif asked.method in ("GET", "HEAD"):
            response = HTTPResponse(filename=request.path, root=self.root_path)
        else:
            return self._refuse(request, asked)
        if type(response).send is HTTPResponse.send:
            return response._answer(request)
        connection = Connection(request)
        response.send(connection)
        connection.close()

    def _refuse(self, request, asked):
        """Any path may be a file's: what is wrong is the method."""
        allowed = {"GET", "HEAD", "OPTIONS"}
        for route in self.routes:
            if route.path in (asked.path, request.path):
                allowed.add(route.method)
        return b"", 204 if asked.method == "OPTIONS" else 405, {"Allow": ", ".join(sorted(allowed))}
