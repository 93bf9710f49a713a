"""The connection of a request, as programs know it that were written for sockets."""

from errno import EBADF

from modhttp.faces import begin

_PIECE = 1024  # bytes of a file that are read at a time


class Connection:
    """Reads the request's body; writes the body of an answer that begin() began, or else raw bytes.

    What a program writes before any begin() it has composed itself, down to the status line: the connection is then
    the program's, and ends when it is closed or forgotten.
    """

    def __init__(self, request):
        self.request = request
        self.stream = None  # of raw bytes, once the connection is the program's
        self.closed = False
        self._timeout = None

    def begin(self, status, fields=(), content_type=None):
        """Begin the answer. Without a Content-Length among the fields, pairs or a dict, its body is streamed."""
        self._check()
        begin(self.request, status, fields, content_type)

    def answer(self, result):
        """Answer in one piece with anything that a handler may return; then it is closed."""
        self._check()
        if self.request.begun:
            raise OSError(EBADF)
        self.request.answer(result)
        self.closed = True

    def _check(self):
        if self.closed:
            raise OSError(EBADF)

    def _end(self):
        """Where bytes go, and come from: an answer that has begun, or the raw connection."""
        self._check()
        return self.stream or self.request

    def write(self, data):
        """Send all of `data`, str or bytes, waiting for room. Returns how many bytes. OSError: the client is gone."""
        self._check()
        if self.stream is None and not self.request.begun:
            self.detach()
        if isinstance(data, str):
            data = data.encode()
        self._end().write(data)
        return len(data)

    send = sendall = write

    def detach(self):
        """Make the connection the program's."""
        self.stream = self.request.detach()
        self.stream.settimeout(self._timeout)

    def read(self, n=-1):
        """The next n bytes of the body, fewer at its end."""
        return self._end().read(n)

    recv = read

    def readinto(self, buffer):
        return self._end().readinto(buffer)

    def readline(self):
        return self._end().readline()

    def settimeout(self, seconds):
        """For raw bytes; a body and an answer have the server's own limits."""
        self._timeout = seconds
        if self.stream is not None:
            self.stream.settimeout(seconds)

    def setblocking(self, flag):
        self.settimeout(None if flag else 0)

    def setsockopt(self, level, option, value):
        """Nothing that a program can set here does any good."""

    def makefile(self, mode="rb", buffering=0):
        return self

    def close(self):
        """End the answer, or the raw connection; without an answer, hang up."""
        if self.closed:
            return
        self.closed = True
        if self.stream is None and not self.request.begun:
            try:
                self.detach()
            except OSError as exc:
                self.request.fail(exc)  # the client is gone
                return
        if self.stream is not None:
            self.stream.close()
        else:
            self.request.answer(None)


class Listener:
    """What a program knows as its listening socket. It may close it; all else is the server's affair."""

    def __init__(self, server):
        self._server = server

    def close(self):
        """Stop listening."""
        self._server.stop()

    def settimeout(self, seconds):
        """No accept() waits."""

    setblocking = settimeout

    def setsockopt(self, level, option, value):
        """A port can always be listened on again at once."""


def pieces(path, length):
    """Generate a file's bytes; no more of them than its size was."""
    buffer = memoryview(bytearray(min(_PIECE, length) or 1))
    with open(path, "rb") as file:
        while length and (n := file.readinto(buffer)):
            n = min(n, length)
            length -= n
            yield buffer[:n]
