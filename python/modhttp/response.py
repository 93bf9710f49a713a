"""What a handler may return, and how it becomes an answer."""

import json

from _modhttp import HTTPError, check_field

HTML = "text/html; charset=utf-8"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"

# As names, since a tuple in a call would be made anew each time.
_OCTETS = (bytes, bytearray, memoryview)
_OBJECTS = (dict, list)

# Fields that the server says itself, as it does Content-Length.
_OWN = ("transfer-encoding", "date")


class Response:
    """An answer with everything said.

    body: str, bytes, a dict or list (sent as JSON), an open file or any stream with readinto(), which is closed in the
    end, modhttp.file(…), or an iterable of str or bytes, which in asyncio's loop may be an async one.
    headers: a dict, or a list of (name, value) pairs where a name repeats. Content-Length is for what is streamed: it
    then goes out as it is, and not in chunks.
    """

    def __init__(self, body=b"", status=200, headers=None, content_type=None):
        self.body = body
        self.status = status
        self.headers = headers
        self.content_type = content_type

    def set_cookie(
        self, name, value="", max_age=None, path="/", domain=None, secure=False, httponly=True, samesite="Lax"
    ):
        """Have the client keep a cookie (RFC 6265), for max_age seconds or for its session.

        Raises ValueError for what a cookie cannot hold: quotes, commas, semicolons, backslashes, spaces, controls.
        """
        for text in (name, value):
            if any(c in ' ",;\\' or c < " " or c > "~" for c in text) or (text is name and (not text or "=" in text)):
                raise ValueError("cookie %s has a character that cookies cannot hold" % name)
        words = [name + "=" + value]
        for key, setting in (("Max-Age", max_age), ("Path", path), ("Domain", domain), ("SameSite", samesite)):
            if setting is not None:
                words.append("%s=%s" % (key, setting))
        words += ["Secure"] * secure + ["HttpOnly"] * httponly
        self.add_header("Set-Cookie", "; ".join(words))

    def delete_cookie(self, name, path="/", domain=None):
        """Have the client forget a cookie."""
        self.set_cookie(name, "", 0, path, domain)

    def add_header(self, name, value):
        """Add a field, beside those of the same name."""
        self.headers = list(pairs(self.headers or ()))
        self.headers.append((name, value))

    @classmethod
    def of(cls, result):
        """A Response of anything that a handler may return."""
        return result if isinstance(result, cls) else cls(*_parts(result))


def abort(status, message=None):
    """End the handler with this status. Raises HTTPError."""
    raise HTTPError(status) if message is None else HTTPError(status, message)


def redirect(location, status=302):
    """An answer that sends the client elsewhere."""
    return Response(b"", status, {"Location": location})


def html(body, status=200, headers=None):
    """An HTML page."""
    return Response(body, status, headers, HTML)


def file(path, **options):
    """A file, as the request's conditions and ranges want it. Raises HTTPError(404) where there is none.

    root: a directory that the path begins in and cannot leave, for names that a client has chosen.
    content_type: else the name's suffix tells. max_age: how many seconds a client need not ask again.
    download: a name to save it by, or True: its own.
    twins=True: send a client that accepts it the file with .br or .gz behind its name, if there is one.
    """
    from modhttp.files import File

    return File(path, **options)


def pairs(headers):
    """(name, value) of each header in a dict or a list of pairs."""
    return headers.items() if isinstance(headers, dict) else headers


def field_lines(headers):
    """(field lines as one str, Content-Type's and Content-Length's value, or None) of a dict or list of pairs.

    Raises ValueError for a name or value that HTTP does not allow.
    """
    lines = []
    content_type = length = None
    for name, value in pairs(headers):
        value = str(value)
        check_field(name, value)
        lower = name.lower()
        if lower == "content-type":
            content_type = value
        elif lower == "content-length":
            length = value
        elif lower not in _OWN:
            lines.append(name + ": " + value + "\r\n")
            if lower == "upgrade":  # which is said of the connection, and has to be called so (RFC 9110 section 7.8)
                lines.append("Connection: upgrade\r\n")
    return "".join(lines), content_type, length


def _encode(body):
    """(body, content type) of anything that can be a body. Raises TypeError naming the type."""
    if isinstance(body, str):
        return body, TEXT
    if isinstance(body, _OCTETS):
        return body, BYTES
    if isinstance(body, _OBJECTS):
        return json.dumps(body), JSON
    if hasattr(body, "readinto"):
        from modhttp.streams import Pieces

        return Pieces(body), BYTES
    if hasattr(body, "__aiter__"):
        from modhttp.loop import each

        return each(body), BYTES
    if hasattr(body, "__next__") or hasattr(body, "__iter__"):
        return body, BYTES
    raise TypeError(
        "handler returned %s; it may return str, bytes, dict, list, int, tuple, Response, a generator or a stream"
        % type(body).__name__
    )


def _parts(result):
    """(body, status, headers or None, content type or None) of a handler's return value."""
    status = 200
    headers = content_type = None
    if isinstance(result, tuple):
        if not 2 <= len(result) <= 3 or not isinstance(result[1], int):
            raise TypeError("handler returned a tuple that is not (body, status) or (body, status, headers)")
        status = result[1]
        headers = result[2] if len(result) == 3 else None
        result = result[0]
    if isinstance(result, Response):
        status = result.status if status == 200 else status
        headers = headers or result.headers
        content_type = result.content_type
        result = result.body
    if isinstance(result, int) and not isinstance(result, bool):
        return b"", result, None, None
    return result, status, headers, content_type


def render(result, request):
    """What _modhttp asks for, of a handler's return value.

    (body, status, field lines or None, content type or None, length or None where the body is streamed)
    """
    if isinstance(result, _OBJECTS):  # the usual case, for which this saves three allocations
        return json.dumps(result), 200, None, JSON, None
    body, status, headers, content_type = _parts(result)
    fields = length = None
    if headers:
        fields, named, length = field_lines(headers)
        content_type = content_type or named
    if hasattr(body, "represent"):
        return body.represent(request, status, fields or "", content_type)
    body, default = _encode(body)
    if content_type is None and body:
        content_type = default
    return body, status, fields, content_type, None if length is None else int(length)
