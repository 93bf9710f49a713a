"""Request targets, paths and queries, against references written another way."""

import posixpath
from urllib.parse import parse_qsl, quote_from_bytes, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st


def split(core, target, at_begin=False):
    parts = core.ffi.new("mh_target_t *")
    result = core.lib.mh_target_split(core.input.put(target, at_begin), len(target), parts)
    if result != 0:
        assert result == -400
        return 400
    query = None if parts.query == core.ffi.NULL else core.bytes(parts.query, parts.query_len)
    return core.bytes(parts.path, parts.path_len), query


def decode(core, path, at_begin=False):
    room = core.output.room(len(path))
    length = core.lib.mh_path_decode(core.input.put(path, at_begin), len(path), room)
    assert length == -400 or 0 <= length <= len(path)
    return 400 if length < 0 else core.bytes(room, length)


def is_plain(core, path, at_begin=False):
    parts = core.ffi.new("mh_target_t *")
    return core.lib.mh_target_split(core.input.put(path, at_begin), len(path), parts) == 0 and parts.plain


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/", (b"/", None)),
        (b"/a/b", (b"/a/b", None)),
        (b"/a?", (b"/a", b"")),
        (b"/a?b?c/d", (b"/a", b"b?c/d")),
        (b"/?x=1", (b"/", b"x=1")),
        (b"//a", (b"//a", None)),
        (b"*", (b"*", None)),
        (b"http://a", (b"/", None)),
        (b"http://a:80?q", (b"/", b"q")),
        (b"HTTPS://[::1]:8080/b?q", (b"/b", b"q")),
        (b"http://a/http://b", (b"/http://b", None)),
        (b"", 400),
        (b"a", 400),
        (b"a:443", 400),
        (b"**", 400),
        (b"*?x", 400),
        (b"?x", 400),
        (b"http:", 400),
        (b"http://", 400),
        (b"http:///a", 400),
        (b"http://:80/a", 400),
        (b"http://?q", 400),
        (b"http://user@a/", 400),
        (b"http://a:8x/", 400),
        (b"http://a\\b/", 400),
        (b"ftp://a/", 400),
        (b"https:/a", 400),
    ],
)
def test_target_split(core, target, expected):
    assert split(core, target) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/", b"/"),
        (b"*", b"*"),
        (b"/a/b/", b"/a/b/"),
        (b"/a//b", b"/a//b"),
        (b"/%61%2fb%2Fc", b"/a/b/c"),
        (b"/caf%C3%A9", b"/caf\xc3\xa9"),
        (b"/a+b", b"/a+b"),
        (b"/%2541", b"/%41"),
        (b"/.", b"/"),
        (b"/./", b"/"),
        (b"/a/.", b"/a/"),
        (b"/a/./b", b"/a/b"),
        (b"/a/..", b"/"),
        (b"/a/../b", b"/b"),
        (b"/a/b/../../c", b"/c"),
        (b"/a//../b", b"/a/b"),
        (b"/a/%2e%2E/b", b"/b"),
        (b"/a/.%2e", b"/"),
        (b"/a%2f..%2fb", b"/b"),
        (b"/a/...", b"/a/..."),
        (b"/.a", b"/.a"),
        (b"/a.", b"/a."),
        (b"/a../b..", b"/a../b.."),
        (b"/..", 400),
        (b"/../a", 400),
        (b"/a/../..", 400),
        (b"/a/../../b", 400),
        (b"/%2e%2e/a", 400),
        (b"/%2e%2e%2fa", 400),
        (b"/./..", 400),
        (b"/%00", 400),
        (b"/%0d%0aX:", 400),
        (b"/%1f", 400),
        (b"/%7f", 400),
        (b"/%", 400),
        (b"/%4", 400),
        (b"/%4g", 400),
        (b"", 400),
        (b"a", 400),
    ],
)
def test_path_decode(core, path, expected):
    assert decode(core, path) == expected
    assert not is_plain(core, path) or decode(core, path) in (path, 400)


@pytest.mark.parametrize(
    "path", [b"/", b"/a/b.c/", b"/.a/..b/...", b"*", b"//", b"/a?%41/../b", b"/a.?", b"http://a", b"http://a?/.", b"http://a/b.c"]
)
def test_plain(core, path):
    assert is_plain(core, path)


@pytest.mark.parametrize(
    "path",
    [b"/.", b"/./a", b"/a/.", b"/a/./b", b"/..", b"/a/..", b"/../a", b"/%41", b"/a%", b"/.?b", b"/a/..?", b"http://a/."],
)
def test_not_plain(core, path):
    assert not is_plain(core, path)


def reference_decode(path):
    """As the header says it, written with the standard library."""
    if any(not set(part[:2]) <= set(b"0123456789abcdefABCDEF") or len(part) < 2 for part in path.split(b"%")[1:]):
        return 400
    text = unquote_to_bytes(path)
    if not text.startswith(b"/") or any(c < 0x20 or c == 0x7F for c in text):
        return 400
    kept = []
    segments = text.split(b"/")[1:]
    for segment in segments:
        if segment == b"..":
            if not kept:
                return 400
            kept.pop()
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return b"/" + b"/".join(kept)


PATHS = st.lists(
    st.sampled_from([b"/", b"/", b".", b"..", b"a", b"%2e", b"%2F", b"%41", b"%00", b"%", b"%c3%a9", b"b.c", b"+"]),
    max_size=12,
).map(lambda parts: b"/" + b"".join(parts))


@given(PATHS)
def test_path_decode_against_reference(core, path):
    expected = reference_decode(path)
    assert decode(core, path) == expected
    if is_plain(core, path):
        assert expected == path
    elif b"%" not in path:
        assert expected != path
    if expected != 400 and b"//" not in expected:
        assert posixpath.normpath(expected) == expected.rstrip(b"/") or expected == b"/"


@given(st.binary(max_size=60))
def test_any_path_round_trips(core, raw):
    text = b"/" + raw
    expected = reference_decode(b"/" + quote_from_bytes(raw, safe="").encode())
    assert decode(core, quote_from_bytes(text).encode()) == expected


# --- queries ---


def pairs(core, query, at_begin=False):
    """Keys and values, decoded in place, as a handler would have them."""
    ffi = core.ffi
    data = core.input.put(query, at_begin)
    rest, rest_len = ffi.new("const char **", ffi.cast("const char *", data)), ffi.new("size_t *", len(query))
    key, key_len, value, value_len = (ffi.new(kind) for kind in ("const char **", "size_t *") * 2)
    found = []
    while core.lib.mh_query_next(rest, rest_len, key, key_len, value, value_len):
        pair = []
        for text, length in ((key[0], key_len[0]), (value[0], value_len[0])):
            room = core.output.put(core.bytes(text, length))
            pair.append(core.bytes(room, core.lib.mh_query_decode(ffi.cast("const char *", room), length, room)))
        found.append(tuple(pair))
    assert rest_len[0] == 0 or set(core.bytes(rest[0], rest_len[0])) == {ord("&")}
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", []),
        (b"&&", []),
        (b"a", [(b"a", b"")]),
        (b"a=", [(b"a", b"")]),
        (b"=b", [(b"", b"b")]),
        (b"a=b=c", [(b"a", b"b=c")]),
        (b"a=1&b=2", [(b"a", b"1"), (b"b", b"2")]),
        (b"&a=1&&b&", [(b"a", b"1"), (b"b", b"")]),
        (b"a;b=1;c", [(b"a;b", b"1;c")]),
        (b"a%3db=%26+%2B", [(b"a=b", b"& +")]),
        (b"a=100%&b=%4&c=%zz&d=%", [(b"a", b"100%"), (b"b", b"%4"), (b"c", b"%zz"), (b"d", b"%")]),
        (b"n=%00", [(b"n", b"\x00")]),
    ],
)
def test_query(core, query, expected):
    assert pairs(core, query) == expected


@given(st.text("ab=&+%41 ", max_size=30))
def test_query_against_reference(core, text):
    expected = parse_qsl(text, keep_blank_values=True, encoding="latin-1", separator="&")
    assert pairs(core, text.encode()) == [(key.encode("latin-1"), value.encode("latin-1")) for key, value in expected]
