"""Files in memory-mapped flash (ROMFS), which are sent from where they lie; and what a file's name says of its type."""

import os

from _modhttp import Blob

_DIRECTORY = 0x4000

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
    ("woff2", "font/woff2"),
    ("txt", "text/plain; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("xml", "text/xml; charset=utf-8"),
    ("pdf", "application/pdf"),
    ("wasm", "application/wasm"),
    ("gz", "application/gzip"),
)


def content_type(name):
    """The media type that a file's suffix tells, in any case; application/octet-stream where it tells none."""
    suffix = name[name.rfind(".") + 1 :].lower() if "." in name else ""
    for known, media_type in _TYPES:
        if known == suffix:
            return media_type
    return "application/octet-stream"  # .bin and all else


def walk(root):
    """Generate (path relative to root, memoryview of the contents) of each file below a directory.

    The memoryviews are the flash itself. Raises ValueError where root is no directory, or its files are not in memory.
    """
    if not root.endswith("/"):
        root += "/"
    directories = [""]
    while directories:
        directory = directories.pop()
        for entry in _list(root, directory):
            path = directory + entry[0]
            if entry[1] == _DIRECTORY:
                directories.append(path + "/")
            else:
                yield path, _contents(root + path)


def _list(root, directory):
    try:
        return os.ilistdir(root + directory)
    except OSError:
        raise ValueError("%s is not a directory" % root) from None


def _contents(path):
    with open(path, "rb") as file:
        try:
            return memoryview(file)
        except TypeError:
            raise ValueError("%s is not in memory-mapped flash, as the files below /rom are" % path) from None


def publish(app, prefix, root, max_age):
    """Server.static()."""
    fields = "Cache-Control: no-cache\r\n" if max_age is None else "Cache-Control: max-age=%d\r\n" % max_age
    prefix = prefix.rstrip("/") + "/"
    files = dict(walk(root))
    for path, data in files.items():
        if path.endswith(".gz") and path[:-3] in files:
            continue  # the twin of that one
        endpoint = Blob(content_type(path), data, files.get(path + ".gz"), fields).endpoint()
        app._add("GET", prefix + path, endpoint)
        if path == "index.html" or path.endswith("/index.html"):
            app._add("GET", prefix + path[:-10], endpoint)
