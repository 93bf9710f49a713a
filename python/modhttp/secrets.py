"""What nobody is to guess: random bytes, signatures, and how passwords are kept."""

from binascii import hexlify, unhexlify
from hashlib import sha256

from _modhttp import noise, same

# Bytes of noise behind the first random bytes, and behind all others. A quarter of a bit of entropy in each bit of
# noise, which is the least that the health tests let pass, is 1,024 bits in the one and 256 in the other.
_SEED = 512
_MORE = 128

_ITERATIONS = 1000
_PBKDF2 = "pbkdf2-sha256"

_state = b""


def random_bytes(n):
    """n bytes that nobody can guess: noise of the machine's, hashed.

    Raises OSError where the noise is not plausible, so nothing that depends on it starts.
    """
    global _state
    fresh = noise(_MORE if _state else _SEED)
    if fresh is None:
        raise OSError("no randomness: the bits of the noise source (on the RP2040 ROSC's RANDOMBIT) do not vary enough")
    _state = sha256(_state + fresh).digest()
    blocks = [sha256(_state + b"out" + bytes((i >> 8, i & 255))).digest() for i in range((n + 31) // 32)]
    _state = sha256(_state + b"next").digest()
    return b"".join(blocks)[:n]


def random_hex(n):
    """n bytes that nobody can guess, as 2 * n hexadecimal digits."""
    return hexlify(random_bytes(n)).decode()


class Hmac:
    """HMAC-SHA256 (RFC 2104) with a key: called with bytes, it returns the 32 bytes of their code."""

    def __init__(self, key):
        if len(key) > 64:
            key = sha256(key).digest()
        key = key + bytes(64 - len(key))
        self._inner = bytes(b ^ 0x36 for b in key)
        self._outer = bytes(b ^ 0x5C for b in key)

    def __call__(self, data):
        return sha256(self._outer + sha256(self._inner + data).digest()).digest()


def hash_password(password, iterations=_ITERATIONS, salt=None):
    """What to keep of a password: "pbkdf2-sha256$iterations$salt$hash" (RFC 8018). A quarter of a second on a Pico.

    A salt, bytes, is for those who want the same text again.
    """
    if salt is None:
        salt = random_bytes(16)
    key = _stretch(password, salt, iterations)
    return "%s$%d$%s$%s" % (_PBKDF2, iterations, hexlify(salt).decode(), hexlify(key).decode())


def is_hashed(password):
    """Whether this is what hash_password() returns."""
    return password.startswith(_PBKDF2 + "$")


def check_password(password, hashed):
    """Whether it is the password that hash_password() made this of. Raises ValueError where that was not it."""
    try:
        name, iterations, salt, key = hashed.split("$")
        salt, key, iterations = unhexlify(salt), unhexlify(key), int(iterations)
    except (ValueError, TypeError):
        name = None
    if name != _PBKDF2 or len(key) != 32 or iterations < 1:
        raise ValueError("not what hash_password() returns")
    return same(_stretch(password, salt, iterations), key)


def _stretch(password, salt, iterations):
    hmac = Hmac(password.encode())
    last = hmac(salt + b"\0\0\0\1")
    key = int.from_bytes(last, "big")
    for _ in range(iterations - 1):
        last = hmac(last)
        key ^= int.from_bytes(last, "big")
    return key.to_bytes(32, "big")
