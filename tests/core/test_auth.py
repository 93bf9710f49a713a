"""What Authorization says, against references written another way; and that secrets are compared in full."""

import base64
import binascii
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
QUOTED = rb'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'
PARAM = re.compile(rb"(" + TOKEN + rb")[ \t]*=[ \t]*(" + TOKEN + rb"|" + QUOTED + rb")[ \t]*(?=,|$)", re.DOTALL)
TOKEN68 = re.compile(rb"[A-Za-z0-9._~+/-]+=*\Z")


def unescape(core, value):
    out = core.output.room(len(value))
    return core.bytes(out, core.lib.mh_auth_unescape(core.input.put(value), len(value), core.ffi.cast("char *", out)))


def parse(core, value, at_begin=False):
    """(scheme, token68, [(name, value)]), or None."""
    auth = core.ffi.new("mh_auth_t *")
    text = core.ffi.cast("const char *", core.input.put(value, at_begin))
    if not core.lib.mh_auth_parse(text, len(value), auth):
        return None
    scheme = core.bytes(auth.scheme, auth.scheme_len)
    if auth.token != core.ffi.NULL:
        return scheme, core.bytes(auth.token, auth.token_len), []
    rest, rest_len = core.ffi.new("const char **", auth.params), core.ffi.new("size_t *", auth.params_len)
    param = core.ffi.new("mh_auth_param_t *")
    found = []
    while core.lib.mh_auth_param_next(rest, rest_len, param) == 1:
        value = core.bytes(param.value, param.value_len)
        assert param.escaped == (b"\\" in value)
        found.append((core.bytes(param.name, param.name_len), value))
    assert core.lib.mh_auth_param_next(rest, rest_len, param) == 0
    return scheme, None, [(name, unescape(core, value)) for name, value in found]


def reference(value):
    scheme = re.match(TOKEN, value)
    if not scheme:
        return None
    rest = value[scheme.end():]
    if rest and not rest.startswith(b" "):
        return None
    rest = rest.lstrip(b" ")
    if TOKEN68.match(rest):
        return scheme[0], rest, []
    found = []
    while rest := rest.lstrip(b" \t,"):
        param = PARAM.match(rest)
        if not param:
            return None
        text = param[2]
        found.append((param[1], re.sub(rb"\\(.)", rb"\1", text[1:-1], flags=re.DOTALL) if text[:1] == b'"' else text))
        rest = rest[param.end():]
    return scheme[0], None, found


DIGEST = (b'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256,'
          b' nc=00000001, qop=auth, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"')


@pytest.mark.parametrize(("value", "expected"), [
    (b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", (b"Basic", b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==", [])),
    (b"Bearer   mF_9.B5f-4.1JqM", (b"Bearer", b"mF_9.B5f-4.1JqM", [])),
    (b"Negotiate", (b"Negotiate", None, [])),
    (b"Custom  ", (b"Custom", None, [])),
    (b"X a=", (b"X", b"a=", [])),
    (b"X -._~+/==", (b"X", b"-._~+/==", [])),
    (b"X ~", (b"X", b"~", [])),
    (b"X \ta=b,\tc=d", (b"X", None, [(b"a", b"b"), (b"c", b"d")])),
    (b"X a=b", (b"X", None, [(b"a", b"b")])),
    (b"X a==b", None),
    (b'X a = "b"\t, c\t=\td', (b"X", None, [(b"a", b"b"), (b"c", b"d")])),
    (b"X ,, a=b,, ,c=d,", (b"X", None, [(b"a", b"b"), (b"c", b"d")])),
    (b'X a="", b="\\"\\\\\\x \xe9"', (b"X", None, [(b"a", b""), (b"b", b'"\\x \xe9')])),
    (b'X a="b', None), (b'X a="b\\', None), (b'X a="b\\"', None), (b'X a="\x01"', None),
    (b'X a="\\\x01"', None),
    (b'X a="b"c', None), (b"X a=b c=d", None), (b"X a=b;c", None), (b"X a=", (b"X", b"a=", [])), (b"X a= ", None),
    (b"X a b", None), (b"X =b", None), (b"X a=b, c", None), (b"X a=,", None), (b"X =", None), (b'X a=@', None),
    (b"X a@", None),
    (b"", None), (b" Basic x", None), (b"Basic\tx", None), (b"Basic:x", None), (b"B@sic x", None), (b"\xe9 x", None),
    (DIGEST, (b"Digest", None, [
        (b"username", b"Mufasa"), (b"realm", b"http-auth@example.org"), (b"uri", b"/dir/index.html"),
        (b"algorithm", b"SHA-256"), (b"nc", b"00000001"), (b"qop", b"auth"),
        (b"cnonce", b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")])),
])
def test_parse(core, value, expected):
    assert parse(core, value) == parse(core, value, at_begin=True) == expected == reference(value)


PIECES = [b"Basic", b" ", b"\t", b"a", b"=", b"==", b",", b'"', b"\\", b"b=c", b'd="e"', b", ", b"@", b"Zm9v", b"\x7f",
          b"\xff", b"/+~"]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join))
def test_parse_any(core, value):
    assert parse(core, value) == reference(value)


@pytest.mark.parametrize("value", [b"", b"a", b"\\", b"\\\\", b"a\\", b"\\a\\b"])
def test_unescape(core, value):
    assert unescape(core, value) == re.sub(rb"\\(.)", rb"\1", value, flags=re.DOTALL)


def decode(core, text, at_begin=False):
    out = core.output.room(len(text) // 4 * 3)
    length = core.lib.mh_base64_decode(core.ffi.cast("char *", core.input.put(text, at_begin)), len(text), out)
    return None if length < 0 else core.bytes(out, length)


def reference_decode(text):
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return data if base64.b64encode(data) == text else None


@given(st.binary(max_size=40))
def test_base64_of_anything(core, data):
    text = base64.b64encode(data)
    assert decode(core, text) == decode(core, text, at_begin=True) == data


@pytest.mark.parametrize("text", [
    b"A", b"AA", b"AAA", b"AA=", b"A===", b"====", b"=AAA", b"AA=A", b"AAAA====", b"AA==AAAA", b"AAA=AAAA", b"AB==",
    b"AAB=", b"AAA\n", b"AAA-", b"AAA_", b" AAA", b"AA\0A", b"AA\xc1A", b"AAA@", b"AAA[", b"AAA`", b"AAA{",
])
def test_malformed_base64(core, text):
    assert decode(core, text) is None is reference_decode(text)


@given(st.text("AQgw+/=-\n", max_size=12).map(str.encode))
def test_base64_any(core, text):
    assert decode(core, text) == reference_decode(text)


@given(st.binary(max_size=9), st.binary(max_size=9))
def test_equal(core, a, b):
    def equal(given, secret):
        return core.lib.mh_equal(core.input.put(given), len(given), core.output.put(secret or b"\0"), len(secret))

    assert equal(a, a)
    assert equal(a, b) == (a == b)
    assert equal(a + a, a) == (a == b"") == equal(a, a + a), "a secret that repeats is not its beginning"
    for i in range(len(a)):
        assert not equal(a[:i] + bytes([a[i] ^ 1]) + a[i + 1:], a)
