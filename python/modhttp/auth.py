"""Who may in: Basic (RFC 7617), Bearer (RFC 6750) and Digest (RFC 7616) credentials.

from modhttp.auth import Basic

auth = Basic({"me": "secret"}, realm="greenhouse")
app.protect("/api", auth)       # routes below /api, sensors and files too; or app.before(auth); or

@app.get("/settings")
@auth.required
def settings(request): ...
"""

from binascii import b2a_base64, hexlify
from hashlib import sha256
from time import ticks_ms

from _modhttp import Guard, HTTPError, authorization, same, unbase64
from modhttp.response import Response
from modhttp.secrets import Hmac, check_password, hash_password, is_hashed, random_bytes, random_hex

__all__ = ("Basic", "Bearer", "Digest", "Logins", "digest_hash", "hash_password")

# Credentials that turned out right, and need not be looked at in full again.
_SEEN_MAX = 8

_TICKS = 0x3FFFFFFF


class _Auth:
    """What is called with a request, and returns None where it may pass: else the answer."""

    endpoint = None  # (endpoint) -> the same for those who may, where C can tell
    scheme = ""

    def _set_up(self, realm, tokens=()):
        if any(c in '"\\' or not " " <= c <= "~" for c in realm):
            raise ValueError("a realm is ASCII without quotes, backslashes and controls")
        self.realm = realm
        self._guard = Guard(self.scheme.lower(), tokens, "WWW-Authenticate: %s\r\n" % self._challenge())

    def __call__(self, request):
        status = self._look(request)
        if status == 0:
            return None
        text = "%d %s\n" % (status, {400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}[status])
        if status == 401:
            return Response(text, 401, {"WWW-Authenticate": self._challenge(request)})
        if status == 429:
            return Response(text, 429, {"Retry-After": (max(self._guard.wait(request), 1) + 999) // 1000})
        return Response(text, status)

    def required(self, function):
        """Decorator of a handler: it is called for those who may."""

        def serve(request, *captures):
            refusal = self(request)
            return function(request, *captures) if refusal is None else refusal

        return serve

    def _look(self, request):
        """The status of a refusal, or 0."""
        said = authorization(request)
        if said is None:
            return 401
        if self._guard.wait(request):
            return 429
        passed = said[0] == self.scheme.lower() and self._is_right(request, said[1], said[2])
        if passed is not None:
            self._guard.count(request, passed)
        return 0 if passed else 401


class Basic(_Auth):
    """Names and passwords, which the client says with every request: as readable as the connection is.

    users: {name: password, or what hash_password() made of it}, as it is now; or a function(name, password) -> bool.
    """

    scheme = "Basic"

    def __init__(self, users, realm="modhttp"):
        self._users = users if callable(users) else dict(users)
        self._set_up(realm, self._tokens())
        if not self._checks:
            self._look = self._guard.check
            self.endpoint = self._guard.endpoint

    def _tokens(self):
        """What clients will say, where that can be told in advance."""
        self._checks = callable(self._users) or any(is_hashed(password) for password in self._users.values())
        if self._checks:
            self._hmac = Hmac(random_bytes(32))
            self._seen = []
            return ()
        if any(":" in name for name in self._users):
            raise ValueError("a name for Basic has no colon")
        pairs = [("%s:%s" % pair).encode() for pair in self._users.items()]
        return [b2a_base64(pair, newline=False).decode() for pair in pairs]

    def _challenge(self, request=None):
        return 'Basic realm="%s", charset="UTF-8"' % self.realm

    def _is_right(self, request, token, params):
        pair = _split(token)
        if pair is None:
            return False
        if callable(self._users):
            return _is_known(self._users, *pair)
        code = self._hmac(token.encode())
        if any([same(code, seen) for seen in self._seen]):  # a list, so that all are looked at
            return True
        if not _is_known(self._users, *pair):
            return False
        self._seen = self._seen[1 - _SEEN_MAX :] + [code]
        return True

    def user(self, request):
        """The name that the request says; whether that may in is not asked here. None where it says none."""
        said = authorization(request)
        pair = _split(said[1]) if said and said[0] == "basic" else None
        return pair and pair[0]


def _split(token):
    """(name, password) of a Basic token68, None of what is none."""
    try:
        name, colon, password = (token and unbase64(token) or b"").partition(b":")
        return (name.decode(), password.decode()) if colon else None
    except UnicodeError:
        return None


def _is_known(users, name, password):
    """Whether a function, or a dict of passwords or hashes, knows the name with this password."""
    if callable(users):
        return bool(users(name, password))
    kept = users.get(name)
    if kept is None:  # which is not to be faster than a wrong password
        kept = next(iter(users.values()), "")
        name = None
    right = check_password(password, kept) if is_hashed(kept) else same(password, kept)
    return right and name is not None


class Logins:
    """Names and passwords of a form, for sessions: who fails is slowed down, as with Basic. users: as Basic's."""

    def __init__(self, users):
        self._users = users
        self._guard = Guard("", (), "")

    def check(self, request, name, password):
        """Whether the name has this password. Raises HTTPError(429) where the request's client has to wait before."""
        wait = self._guard.wait(request)
        if wait:
            raise HTTPError(429, "too many failed logins: try again in %d s" % ((wait + 999) // 1000))
        passed = _is_known(self._users, name, password)
        self._guard.count(request, passed)
        return passed


class Bearer(_Auth):
    """Tokens, which the client says with every request.

    tokens: {name: token}, or a list of tokens, as it is now; or a function(token) -> bool, or a name.
    """

    scheme = "Bearer"

    def __init__(self, tokens, realm="modhttp"):
        self._named = tokens if isinstance(tokens, dict) else {}
        self._check = tokens if callable(tokens) else None
        known = () if self._check else list(self._named.values() if self._named else tokens)
        if any(_is_no_token68(token) for token in known):
            raise ValueError("a token is letters, digits and -._~+/, and = at its end")
        self._set_up(realm, known)
        if self._check is None:
            self._look = self._guard.check
            self.endpoint = self._guard.endpoint

    def _challenge(self, request=None):
        # What was wrong is for those to know who said anything (RFC 6750 section 3.1).
        error = ', error="invalid_token"' if request and "Authorization" in request.headers else ""
        return 'Bearer realm="%s"%s' % (self.realm, error)

    def _is_right(self, request, token, params):
        return bool(token and self._check(token))

    def user(self, request):
        """The name of the token that the request says, or what the function says of it. None where it has none."""
        said = authorization(request)
        if not said or said[0] != "bearer" or not said[1]:
            return None
        if self._check:
            return self._check(said[1])
        names = [name for name, token in self._named.items() if same(said[1], token)]
        return names[0] if names else None


def _is_no_token68(token):
    begin = token.rstrip("=")
    return not begin or any(not (c.isalpha() or c.isdigit() or c in "-._~+/") or c > "~" for c in begin)


def digest_hash(name, realm, password):
    """What to keep of a password for Digest, in place of it: whoever has this can log in to this realm, to no other."""
    return "digest-sha256$" + _hash("%s:%s:%s" % (name, realm, password))


def _hash(text):
    return hexlify(sha256(text.encode()).digest()).decode()


class Digest(_Auth):
    """Names and passwords that the client shows to know, without saying them: SHA-256, qop=auth.

    users: {name: password, or what digest_hash() made of it}, or a function(name) -> the same, or None.
    Nonces are good for `lifetime` seconds, and for each request once. Of 32 nonces in use is remembered what was asked
    with them; clients with older ones are told to take a new one, of themselves and without asking anybody.
    Raises OSError where nothing is random.
    """

    scheme = "Digest"
    _NONCES_MAX = 32
    _WINDOW = 32

    def __init__(self, users, realm="modhttp", lifetime=300):
        self._find = users if callable(users) else dict(users).get
        self._lifetime = lifetime * 1000
        self._hmac = Hmac(random_bytes(32))
        self._opaque = random_hex(8)
        self._serial = 0
        self._oldest = 0  # nonces up to this one are good only where they are in use
        self._used = {}  # serial number -> highest count, and a bit for each count up to it
        self._stale = False
        self._set_up(realm)

    def _challenge(self, request=None):
        text = 'Digest realm="%s", qop="auth", algorithm=SHA-256' % self.realm
        if request is None:
            return text
        text += ', nonce="%s", opaque="%s"' % (self._new_nonce(), self._opaque)
        if self._stale:
            self._stale = False
            text += ", stale=true"
        return text

    def _new_nonce(self):
        self._serial += 1
        text = "%08x%08x" % (self._serial, ticks_ms() & _TICKS)
        return text + self._signature(text)

    def _signature(self, text):
        return hexlify(self._hmac(text.encode())[:16]).decode()

    def _is_right(self, request, token, params):
        """None: the nonce is stale, and the client should try again."""
        said = {name: _text(params.get(name)) for name in _SAID}
        if None in said.values():
            return False
        if said["uri"] != request.target:
            raise HTTPError(400, "Digest's uri is not what was asked for")  # RFC 7616 section 3.4.6
        nonce, count = said["nonce"], said["nc"]
        known = [
            said["realm"] == self.realm,
            said["algorithm"].lower() == "sha-256",
            said["qop"] == "auth",
            same(said["opaque"], self._opaque),
            same(nonce[16:], self._signature(nonce[:16])),
            len(count) == 8 and not any(c not in "0123456789abcdefABCDEF" for c in count),
            same(said["response"].lower(), self._response(request.method, said)),
        ]
        if not all(known):
            return False
        self._stale = self._is_stale(int(nonce[:8], 16), int(nonce[8:16], 16), int(count, 16))
        return None if self._stale else True

    def _response(self, method, said):
        kept = self._find(said["username"])
        if kept is None:
            kept = digest_hash("", "", random_hex(8))
        elif not kept.startswith("digest-sha256$"):
            kept = digest_hash(said["username"], self.realm, kept)
        target = _hash("%s:%s" % (method, said["uri"]))
        words = kept[14:], said["nonce"], said["nc"], said["cnonce"], said["qop"], target
        return _hash(":".join(words))

    def _is_stale(self, serial, issued, count):
        """Whether the nonce is too old, or was counted like this before. Else the count is noted."""
        used = self._used.get(serial)
        if (ticks_ms() - issued) & _TICKS > self._lifetime or (used is None and serial <= self._oldest) or count == 0:
            return True
        last, bits = used or (0, 0)
        ahead = count - last
        if ahead > 0:
            bits = (bits << min(ahead, self._WINDOW) | 1) & ((1 << self._WINDOW) - 1)
            last = count
        elif -ahead >= self._WINDOW or bits >> -ahead & 1:
            return True
        else:
            bits |= 1 << -ahead
        if used is None and len(self._used) == self._NONCES_MAX:
            self._oldest = max(self._oldest, min(self._used))
            del self._used[min(self._used)]
        self._used[serial] = last, bits
        return False

    def user(self, request):
        """The name that the request says; whether that may in is not asked here. None where it says none."""
        said = authorization(request)
        return _text(said[2].get("username")) if said and said[0] == "digest" else None


_SAID = ("username", "realm", "nonce", "uri", "response", "algorithm", "qop", "nc", "cnonce", "opaque")


def _text(value):
    try:
        return None if value is None else value.decode()
    except UnicodeError:
        return None
