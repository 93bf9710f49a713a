"""Sessions in signed cookies: a dict for each client, which it keeps, can read, and cannot change."""

import json
from binascii import b2a_base64
from time import time

from _modhttp import HTTPError, same, unbase64
from modhttp.response import Response
from modhttp.secrets import Hmac, random_bytes, random_hex

# A clock that shows less was not set since the board started (2025-01-01).
_CLOCK_SET = 1735689600

# What a cookie may be long, name and all: a head has 2 kB.
_COOKIE_MAX = 1024


class Sessions:
    """Sessions of max_age seconds, in a cookie signed with HMAC-SHA256.

    key: bytes or str of 16 bytes at least; or a list, of which the first signs and all are good, so that keys can be
    changed; None: a random one, and sessions end with the program. secure=True keeps the cookie to https.
    Raises OSError where nothing is random.

    Where the clock was never set, a session is good until the clock is set, or the program ends.
    """

    def __init__(self, key=None, name="session", max_age=86400, secure=False, path="/", samesite="Lax"):
        keys = key if isinstance(key, (list, tuple)) else [random_bytes(32) if key is None else key]
        keys = [one.encode() if isinstance(one, str) else one for one in keys]
        if not keys or min(len(one) for one in keys) < 16:
            raise ValueError("key must be at least 16 bytes")
        self._hmacs = [Hmac(one) for one in keys]
        self._run = random_hex(4)
        self.name = name
        self.max_age = max_age
        self._settings = {"path": path, "secure": secure, "samesite": samesite, "httponly": True}

    def load(self, request):
        """The client's session, a dict; empty where it has none, or one that is not ours, changed or too old."""
        try:
            text, signature = request.cookies.get(self.name, "").rsplit(".", 1)
            data, expires = text.split(".")
        except ValueError:
            return {}
        if not any([same(signature, self._sign(hmac, text)) for hmac in self._hmacs]) or not self._is_good(expires):
            return {}
        return json.loads(unbase64(_padded(data)).decode())

    def save(self, session, answer=b""):
        """Have the client keep the session; returns the answer, whatever a handler may return, with its cookie.

        An empty session ends it. Raises ValueError for one that is too large for a cookie.
        """
        response = Response.of(answer)
        if not session:
            response.set_cookie(self.name, "", 0, **self._settings)
            return response
        text = "%s.%s" % (_plain(json.dumps(session).encode()), self._expiry())
        value = "%s.%s" % (text, self._sign(self._hmacs[0], text))
        size = len(self.name) + len(value)
        if size > _COOKIE_MAX:
            raise ValueError("the session is too large for a cookie: %d bytes, of %d" % (size, _COOKIE_MAX))
        response.set_cookie(self.name, value, self.max_age, **self._settings)
        return response

    def _sign(self, hmac, text):
        return _plain(hmac(("%s=%s" % (self.name, text)).encode()))

    def _expiry(self):
        now = int(time())
        return "%d" % (now + self.max_age) if now >= _CLOCK_SET else "%d-%s" % (now + self.max_age, self._run)

    def _is_good(self, expires):
        """Whether a session of ours is not over. One of longer than max_age was signed by a clock that was wrong."""
        expires, _, run = expires.partition("-")
        now = int(time())
        is_set = now >= _CLOCK_SET
        return now < int(expires) <= now + self.max_age and (run == self._run if run else is_set)

    # Against requests that another site has the client's browser send

    def token(self, session):
        """The session's token, for a hidden field csrf_token of forms. It is made when first asked for: save() then."""
        if "csrf_token" not in session:
            session["csrf_token"] = random_hex(16)
        return session["csrf_token"]

    def check_token(self, request, session):
        """Raises HTTPError(403) where neither X-CSRF-Token nor the form's csrf_token is the session's."""
        given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
        if not session.get("csrf_token") or not same(given, session["csrf_token"]):
            raise HTTPError(403, "the form is too old, or is not ours: load its page again")


def _plain(data):
    """Base64 of what cookies can hold."""
    return b2a_base64(data, newline=False).decode().rstrip("=").replace("+", "-").replace("/", "_")


def _padded(text):
    return text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
