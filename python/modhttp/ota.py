"""Programs that are brought to a board over the network: what Server.ota() publishes."""

import binascii
import hashlib
import os

from _modhttp import HTTPError, same
from modhttp.body import more
from modhttp.replace import Replacement

_DIRECTORY = 0x4000
_PIECE = 1024  # bytes that go to a file at one time
_RESET_MS = 1000  # for the answer to reach its client


def publish(app, prefix, root, allow, token, max_size, reset):
    """Server.ota()."""
    if (allow is None) == (not token):
        raise ValueError("ota() changes programs: say who may, with either token= or allow=")
    allow = allow or _bearer(token)
    root = root.rstrip("/") + "/"

    async def put(request, name):
        if not allow(request):
            return "who are you?\n", 401, {"WWW-Authenticate": "Bearer"}
        resets = "reset" in request.query
        if resets and reset is None:
            raise HTTPError(403, "this program does not let itself be reset")
        path = root + _checked(name)
        _check_fields(request)
        is_new = not _make_way(root, path)
        await _receive(request, path, max_size)
        if resets:
            _reset_later(reset)
        return 201 if is_new else 204

    app._add("PUT", prefix.rstrip("/") + "/<path:name>", put)


def _bearer(token):
    same("", token)  # TypeError now, for what is no text, and not at each request

    def allow(request):
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and same(given.strip(), token)

    return allow


def _checked(name):
    """The path of a file below the root. HTTPError(400) where it leads elsewhere, or to none."""
    if "\\" in name or any(segment in ("", ".", "..") for segment in name.split("/")):
        raise HTTPError(400, "no file can be called %s" % name)
    return name


def _check_fields(request):
    """HTTPError for a body that is not the file as it is to be."""
    if "content-range" in request.headers:
        raise HTTPError(400, "a part of a file cannot be replaced")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPError(415, "send the file as it is")


def _mode(path):
    try:
        return os.stat(path)[0]
    except OSError:
        return 0


def _make_way(root, path):
    """Make the directories that lead to a file. Returns whether it is there. HTTPError(409) where that is no file."""
    name = path[len(root) :]
    end = path.find("/", max(1, len(root) - 1))
    while end >= 0:
        directory = path[:end]
        if not _mode(directory):
            os.mkdir(directory)
        elif not _mode(directory) & _DIRECTORY:
            raise HTTPError(409, "%s: there is a file in its way" % name)
        end = path.find("/", end + 1)
    if _mode(path) & _DIRECTORY:
        raise HTTPError(409, "%s is a directory" % name)
    return _mode(path) != 0


def _digest_of(request):
    """The SHA-256 that Content-Digest says the body has (RFC 9530), or None."""
    for member in request.headers.get("content-digest", "").split(","):
        name, _, value = member.strip().partition("=")
        if name == "sha-256":
            try:
                digest = binascii.a2b_base64(value.strip(":"))
            except ValueError:
                digest = b""
            if value[:1] != ":" or len(digest) != 32:
                raise HTTPError(400, "Content-Digest is malformed")
            return digest
    return None


async def _receive(request, path, max_size):
    """Write the body to the file as it comes. Whatever is raised, the file is as it was."""
    expected = _digest_of(request)
    found = hashlib.sha256()
    size = 0
    with Replacement(path) as file:
        while True:
            data = request.pull(_PIECE)
            if data is None:
                await more(request)
                continue
            if not data:
                break
            size += len(data)
            if size > max_size:
                raise HTTPError(413, "a file may have %d bytes" % max_size)
            if expected:
                found.update(data)
            file.write(data)
        if expected and found.digest() != expected:
            raise HTTPError(400, "the body does not have the digest that Content-Digest says")


def _reset_later(reset):
    from machine import Timer

    global _timer
    _timer = Timer(-1)
    _timer.init(mode=Timer.ONE_SHOT, period=_RESET_MS, callback=lambda timer: reset())
