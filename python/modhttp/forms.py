"""Forms: the parts of a request's body, as they come. What Request.parts() and Request.form are made of."""

from _modhttp import Form, HTTPError
from modhttp.body import more, now
from modhttp.replace import Replacement

_PIECE = 1024  # bytes that go to a file at one time


class Parts:
    """The parts of a form, multipart or urlencoded, to be looped over with `for` or, by an async handler, `async for`.

    max_part: bytes of data that a part may have; max_parts: how many there may be. Over either: HTTPError(413).
    A form that is malformed raises HTTPError(400), a request without a form 415, a client that stops sending 408, one
    that is gone OSError.
    """

    def __init__(self, request, max_part=1048576, max_parts=64):
        self._request = request
        self._form = Form(request, max_part, max_parts)

    def __iter__(self):
        return self

    def __next__(self):
        if not self._form.next(True):
            raise StopIteration
        return Part(self._request, self._form)

    def __aiter__(self):
        return self

    async def __anext__(self):
        found = self._form.next(False)
        while found is None:
            await more(self._request)
            found = self._form.next(False)
        if not found:
            raise StopAsyncIteration
        return AsyncPart(self._request, self._form)


class _Part:
    """A part of a form. What is not read of it by the time that the next one begins is skipped.

    name; filename and content_type are None where the client sent none.
    """

    _wait = False

    def __init__(self, request, form):
        self._request = request
        self._form = form
        self._count, self.name, self.filename, self.content_type = form.part()

    @property
    def safe_name(self):
        """The filename as one that may be used: without directories and what file systems do not like; never empty."""
        return safe_name(self.filename or "")

    async def _readinto(self, buffer):
        n = self._form.readinto(buffer, self._wait, self._count)
        while n is None:
            await more(self._request)
            n = self._form.readinto(buffer, self._wait, self._count)
        return n

    async def _read(self, max_size=16384):
        data = bytearray()
        piece = memoryview(bytearray(256))
        while True:
            n = await self._readinto(piece)
            if not n:
                return bytes(data) if data else b""
            data.extend(piece[:n])
            self._check(len(data), max_size)

    async def _save(self, target, max_size=None):
        if isinstance(target, str):
            with Replacement(target) as file:
                return await self._copy(file, max_size)
        return await self._copy(target, max_size)

    async def _copy(self, file, max_size):
        piece = memoryview(bytearray(_PIECE))
        size = 0
        while True:
            n = await self._readinto(piece)
            if not n:
                return size
            size += n
            self._check(size, max_size)
            file.write(piece[:n])

    def _check(self, size, max_size):
        if max_size is not None and size > max_size:
            raise HTTPError(413, "the form's part %s is larger than %d bytes" % (self.name, max_size))


class Part(_Part):
    """A part as `for` gives it: its methods wait."""

    _wait = True

    def readinto(self, buffer):
        """Fill the buffer with what comes next. Returns its bytes: fewer than there is room for only at the end."""
        return self._form.readinto(buffer, True, self._count)

    def read(self, max_size=16384):
        """The whole data, as bytes. Over max_size (None: no limit): HTTPError(413)."""
        return now(self._read(max_size))

    def save(self, target, max_size=None):
        """Write the data to a file as it comes: an open one, or that of a path, which it replaces when all is there.

        Returns its size. Whatever is raised, nothing of it stays at the path: HTTPError(413) over max_size, 507 where
        there is no room for it.
        """
        return now(self._save(target, max_size))


class AsyncPart(_Part):
    """A part as `async for` gives it: its methods are awaited."""

    readinto = _Part._readinto
    read = _Part._read
    save = _Part._save


def safe_name(name):
    """A file's name, of whatever a client calls it."""
    name = name.replace("\\", "/").split("/")[-1]
    name = "".join(c for c in name if c >= " " and c not in '<>:"|?*\x7f')
    return name[-60:].strip(" .") or "unnamed"


def fields(request):
    """{name: text} of a multipart form's parts that are no files; the first of several counts."""
    assert request.body is not None  # fetched first: the form is parsed from there, and may be again
    found = {}
    for part in Parts(request):
        if part.filename is None and part.name not in found:
            try:
                found[part.name] = part.read(None).decode()
            except UnicodeError:
                raise HTTPError(400, "the form's part %s is not UTF-8" % part.name) from None
    return found
