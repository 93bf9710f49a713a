"""Files as answers: what their names say of their type, conditions, ranges, downloads."""

import os
import time

from _modhttp import HTTPError, boot, date, reason
from modhttp.response import TEXT
from modhttp.streams import Parts, Pieces

DIRECTORY = 0x4000

# An earlier time is that of a clock that nobody has set: 2025-01-01.
_CLOCK_SET = 1735689600

# MicroPython's time begins in 1970 or in 2000.
_EPOCH = 0 if time.gmtime(0)[0] == 1970 else 946684800

# Behind a file's name, where there is a compressed form of it; the first that the client accepts is sent.
_TWINS = (("br", ".br"), ("gzip", ".gz"))

# A constant, so it stays in flash when this is frozen.
_TYPES = (
    ("html", "text/html; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("ico", "image/x-icon"),
    ("webp", "image/webp"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("mp4", "video/mp4"),
    ("woff2", "font/woff2"),
    ("txt", TEXT),
    ("log", TEXT),
    ("csv", "text/csv; charset=utf-8"),
    ("xml", "text/xml; charset=utf-8"),
    ("pdf", "application/pdf"),
    ("wasm", "application/wasm"),
    ("zip", "application/zip"),
    ("gz", "application/gzip"),
)


def content_type(name):
    """The media type that a file's suffix tells, in any case; application/octet-stream where it tells none."""
    suffix = name[name.rfind(".") + 1 :].lower() if "." in name else ""
    for known, media_type in _TYPES:
        if known == suffix:
            return media_type
    return "application/octet-stream"  # .bin and all else


def quote(text, more="/"):
    """Percent-encode what is not unreserved (RFC 3986 section 2.3), or one of `more`."""
    data = text.encode()
    if all(_is_plain(chr(c), more) for c in data):
        return text
    return "".join(chr(c) if _is_plain(chr(c), more) else "%%%02X" % c for c in data)


def _is_plain(c, more):
    return "a" <= c <= "z" or "A" <= c <= "Z" or "0" <= c <= "9" or c in "-._~" or c in more


def below(root, path):
    """The path of a file below a directory. Raises HTTPError(404) for one that might be anywhere else.

    FAT takes a backslash for a slash; an empty segment would be a second name for the same file.
    """
    segments = path.split("/")
    for i, segment in enumerate(segments):
        if segment in (".", "..") or "\\" in segment or "\0" in segment or (not segment and i < len(segments) - 1):
            raise HTTPError(404)
    return root + path if root.endswith("/") else root + "/" + path


def stat_of(path):
    """os.stat(), or None where there is nothing."""
    try:
        return os.stat(path)
    except OSError:
        return None


def _validators(stat, coding):
    """(entity tag, time of modification), either of which may be None, of a file that is sent as it is.

    Size and time tell a file's versions apart, unless it may be written again within the same second, or two on FAT.
    What was written before the clock was set is known by them only until the next reset.
    """
    modified = stat[8]
    if not modified or time.time() - modified < 3:
        return None, None
    modified += _EPOCH
    tag = "%x-%x" % (stat[6], modified)
    if coding:
        tag += "-" + coding
    if modified >= _CLOCK_SET:
        return '"' + tag + '"', modified
    return '"%x-%s"' % (boot(), tag), None


def _disposition(name):
    """Content-Disposition's line (RFC 6266): a name for every client and, if it differs, the true one (RFC 8187)."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%/' else "_" for c in name)
    line = 'Content-Disposition: attachment; filename="%s"' % plain
    if plain != name:
        line += "; filename*=UTF-8''" + quote(name.replace("/", "_"), "")
    return line + "\r\n"


def cache_line(max_age):
    """Cache-Control's: None is to ask each time."""
    return "Cache-Control: no-cache\r\n" if max_age is None else "Cache-Control: max-age=%d\r\n" % max_age


class File:
    """modhttp.file(). `fields` are more field lines; `stat` is the file's os.stat(), where somebody has it already."""

    def __init__(
        self, path, root=None, content_type=None, max_age=None, download=None, twins=False, fields="", stat=None
    ):
        self._path = path if root is None else below(root, path)
        self._stat = stat or stat_of(self._path)
        if self._stat is None or self._stat[0] & DIRECTORY:
            raise HTTPError(404)
        self._type = content_type
        self._twins = twins
        self._fields = fields
        if max_age is not None:
            self._fields += cache_line(max_age)
        if download:
            self._fields += _disposition(path[path.rfind("/") + 1 :] if download is True else download)

    def represent(self, request, status, fields, media_type):
        """What render() returns. Conditions and ranges are of an answer that would else be a 200."""
        path, stat, coding = self._representation(request)
        fields += self._fields
        media_type = media_type or self._type or content_type(self._path)
        if self._twins:
            fields += "Vary: Accept-Encoding\r\n"
        if status == 200:
            tag, modified = _validators(stat, coding)
            status, parts = request.choose(stat[6], tag, modified)
            if tag:
                fields += "ETag: " + tag + "\r\n"
            if status == 304:
                return b"", status, fields, None, None
            if status == 416:
                fields += "Content-Range: bytes */%d\r\n" % stat[6]
            if status >= 400:
                return reason(status) + "\n", status, fields, TEXT, None
            fields += "Accept-Ranges: bytes\r\n"
            if modified:
                fields += "Last-Modified: " + date(modified) + "\r\n"
        if coding:
            fields += "Content-Encoding: " + coding + "\r\n"
        if status == 206:
            return _partial(path, stat[6], parts, fields, media_type)
        body = Pieces(open(path, "rb"), stat[6]) if stat[6] and request.method != "HEAD" else ()
        return body, status, fields, media_type, stat[6]

    def _representation(self, request):
        """(path, os.stat(), content coding or None) of the file, or of its twin that the client takes."""
        for coding, suffix in _TWINS if self._twins else ():
            stat = stat_of(self._path + suffix) if request.accepts(coding) else None
            if stat and not stat[0] & DIRECTORY:
                return self._path + suffix, stat, coding
        return self._path, self._stat, None


def _partial(path, size, parts, fields, media_type):
    file = open(path, "rb")
    if len(parts) == 1:
        offset, length = parts[0]
        file.seek(offset)
        fields += "Content-Range: " + _content_range(offset, length, size)
        return Pieces(file, length), 206, fields, media_type, length
    boundary = "".join("%02x" % c for c in os.urandom(12))
    texts = []
    for offset, length in parts:
        text = "\r\n--" + boundary + "\r\nContent-Type: " + media_type + "\r\nContent-Range: "
        texts.append((text + _content_range(offset, length, size) + "\r\n", offset, length))
    texts.append(("\r\n--" + boundary + "--\r\n", 0, 0))
    total = sum(len(text) + length for text, _, length in texts)
    return Parts(file, texts), 206, fields, "multipart/byteranges; boundary=" + boundary, total


def _content_range(offset, length, size):
    return "bytes %d-%d/%d\r\n" % (offset, offset + length - 1, size)
