"""The pairs of a Cookie field, against a reference written another way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st


def pairs(core, value, at_begin=False):
    rest = core.ffi.new("const char **", core.ffi.cast("const char *", core.input.put(value, at_begin)))
    rest_len = core.ffi.new("size_t *", len(value))
    name, text = core.ffi.new("const char **"), core.ffi.new("const char **")
    name_len, text_len = core.ffi.new("size_t *"), core.ffi.new("size_t *")
    found = []
    while core.lib.mh_cookie_next(rest, rest_len, name, name_len, text, text_len):
        found.append((core.bytes(name[0], name_len[0]), core.bytes(text[0], text_len[0])))
    assert rest_len[0] == 0
    return found


def reference(value):
    found = []
    for pair in value.split(b";"):
        name, equals, text = pair.partition(b"=")
        text = text.strip(b" \t")
        if len(text) >= 2 and text[:1] == text[-1:] == b'"':
            text = text[1:-1]
        if equals:
            found.append((name.strip(b" \t"), text))
    return found


@pytest.mark.parametrize(("value", "expected"), [
    (b"", []),
    (b"a=1", [(b"a", b"1")]),
    (b"a=1; b=2", [(b"a", b"1"), (b"b", b"2")]),
    (b"a=1;b=2;", [(b"a", b"1"), (b"b", b"2")]),
    (b" a = 1 ;\tb=\t2\t", [(b"a", b"1"), (b"b", b"2")]),
    (b'a="1 2"; b="; c="', [(b"a", b"1 2"), (b"b", b'"'), (b"c", b'"')]),
    (b'a=""; b=x"; c="x', [(b"a", b""), (b"b", b'x"'), (b"c", b'"x')]),
    (b"nothing; a=1; ; nor this", [(b"a", b"1")]),
    (b"a=b=c; =d; e=", [(b"a", b"b=c"), (b"", b"d"), (b"e", b"")]),
    (b"caf\xc3\xa9=\xff", [(b"caf\xc3\xa9", b"\xff")]),
])
def test_pairs(core, value, expected):
    assert pairs(core, value) == pairs(core, value, at_begin=True) == expected == reference(value)


@given(st.lists(st.sampled_from([b"a", b"=", b";", b" ", b"\t", b'"', b"xyz", b"; b="]), max_size=12).map(b"".join))
def test_any(core, value):
    assert pairs(core, value) == reference(value)
