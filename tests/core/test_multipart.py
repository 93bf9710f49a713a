"""Forms in any pieces: what encoders that we did not write make of them comes out, and what is malformed is refused."""

import urllib.parse

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

MORE, PART, DATA, PART_END, END = range(5)
URLENCODED = b"application/x-www-form-urlencoded"
TYPE = b"multipart/form-data; boundary=xyz"
PARTS_MAX, PART_MAX = 8, 5000


class Form:
    def __init__(self, core, content_type, parts_max=PARTS_MAX, part_max=PART_MAX):
        self.core = core
        self.form = core.ffi.new("mh_form_t *")
        start = core.ffi.cast("const char *", core.input.put(content_type))
        self.begun = core.lib.mh_form_init(self.form, start, len(content_type), parts_max, part_max)
        self.taken, self.data_len = core.ffi.new("size_t *"), core.ffi.new("size_t *")
        self.data = core.ffi.new("const uint8_t **")

    @property
    def fault(self):
        return self.core.ffi.string(self.form.fault).decode()

    def text(self, span):
        return self.core.bytes(self.core.ffi.addressof(self.form.head, span.at), span.len)

    def part(self):
        """(name, filename or None, type or None)"""
        optional = [self.text(span) if span.at else None for span in (self.form.filename, self.form.type)]
        return self.text(self.form.name), *optional

    def next(self, data):
        """(event, its data, how much was taken)"""
        start = self.core.input.put(data)
        event = self.core.lib.mh_form_next(self.form, start, len(data), self.taken, self.data, self.data_len)
        assert 0 <= self.taken[0] <= len(data)
        assert (self.data_len[0] > 0) == (event == DATA) or event == MORE or event < 0
        assert event != MORE or self.taken[0] == len(data)
        own = self.core.bytes(self.data[0], self.data_len[0]) if event == DATA else b""
        return event, own, self.taken[0]

    def read(self, pieces):
        """All parts, each with its data; and the status where the form is refused, or None."""
        parts = []
        for piece in [*(piece for piece in pieces if piece), b""]:
            rest = piece
            while rest or not piece:
                event, own, taken = self.next(rest)
                rest = rest[taken:]
                if event < 0:
                    assert self.next(b"x")[0] == self.next(b"")[0] == event, "it says the same again"
                    return parts, -event
                if event == PART:
                    parts.append((*self.part(), b""))
                elif event == DATA:
                    parts[-1] = (*parts[-1][:3], parts[-1][3] + own)
                elif event == END:
                    assert self.next(b"x") == (END, b"", 0)
                    return parts, None
        raise AssertionError("no end")


def parse(core, body, content_type=TYPE, **limits):
    """What comes of it, in one piece, and the same in many small ones."""
    form = Form(core, content_type, **limits)
    if form.begun != 0:
        assert form.read([body])[1] == -form.begun
        return [], -form.begun
    whole = form.read([body])
    for size in (1, 2, 3, 7, 64):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        split = Form(core, content_type, **limits).read(pieces)
        assert split[1] == whole[1]
        assert [part[:3] for part in split[0][: len(whole[0])]] == [part[:3] for part in whole[0]]
        assert whole[1] is not None or split == whole
    return whole


def part(head, data=b""):
    return b"--xyz\r\n" + head + b"\r\n" + data + b"\r\n"


def named(data=b"", disposition=b'name="a"', more=b""):
    return part(b"Content-Disposition: form-data; " + disposition + b"\r\n" + more, data)


LAST = b"--xyz--\r\n"


# ---- what encoders make

FILES = {
    "text": (None, b"some text"),
    "one": ("one.bin", bytes(range(256)) * 8, "image/png"),
    "none": ("", b"", "application/octet-stream"),
    "caf\u00e9": ("b\u00e4r \"quoted\" \\ 100%.txt", b"\r\n--\r\n-", "text/plain"),
}


def test_what_httpx_makes(core):
    request = httpx.Request("POST", "http://a/", files=FILES)
    found, refusal = parse(core, request.read(), request.headers["content-type"].encode())
    assert refusal is None
    assert found == [
        (b"text", None, None, b"some text"),
        (b"one", b"one.bin", b"image/png", bytes(range(256)) * 8),
        (b"none", b"" if b'filename=""' in request.content else None, b"application/octet-stream", b""),
        ("caf\u00e9".encode(), 'b\u00e4r "quoted" \\ 100%.txt'.encode(), b"text/plain", b"\r\n--\r\n-"),
    ]


TEXTS = st.text(max_size=20)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8), st.data())
def test_urlencoded_as_python_has_it(core, pairs, data):
    body = urllib.parse.urlencode(pairs).encode()
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    pieces = [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]
    expected = [(key.encode(), None, None, value.encode()) for key, value in pairs]
    assert Form(core, URLENCODED).read(pieces) == parse(core, body, URLENCODED) == (expected, None)


# Data that looks like the delimiter, which would be "\r\n--\r\n--xyz" in the worst case.
PIECES = [b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--", b"\r\n--x", b"xy", b"z", b"--xy", b"q"]
NEARLY = st.lists(st.sampled_from(PIECES), max_size=12)


@given(st.lists(NEARLY.map(b"".join), max_size=4), st.data())
def test_any_data_in_any_pieces(core, datas, data):
    datas = [one for one in datas if b"\r\n--xyz" not in b"\r\n" + one + b"\r\n"]
    body = b"".join(named(one) for one in datas) + LAST
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]
    assert Form(core, TYPE).read(pieces) == ([(b"a", None, None, one) for one in datas], None)


WORDS = [b"--xyz", b"\r\n", b"Content-Disposition: form-data; ", b'name="a"', b"; ", b'filename="']


@given(st.lists(st.sampled_from([*WORDS, b"\\", b'"', b"--", b" ", b"q", b"\r"]), max_size=14).map(b"".join))
def test_anything_in_any_pieces(core, body):
    parse(core, body)
    parse(core, body, URLENCODED)


def test_each_byte_is_looked_at_once(core):
    """Data that begins the delimiter again and again is no more work than the same in one piece."""
    form = Form(core, b"multipart/form-data; boundary=" + b"-" * 70, part_max=1 << 20)
    form.read([b"--" + b"-" * 70 + b'\r\nContent-Disposition: form-data; name="a"\r\n\r\n'])
    form = Form(core, b"multipart/form-data; boundary=" + b"-" * 70, part_max=1 << 20)
    body = b"--" + b"-" * 70 + b'\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + (b"\r\n" + b"-" * 71) * 400
    calls = 0
    while body:
        _, _, taken = form.next(body[:64])
        body = body[taken:]
        calls += 1
    assert calls < 400 * 4 + 800


# ---- the Content-Type

@pytest.mark.parametrize(("content_type", "expected"), [
    (b"multipart/form-data; boundary=xyz", 0),
    (b"multipart/form-data;boundary=xyz", 0),
    (b"multipart/form-data; boundari=a; boundary=xyz", 0),
    (b'Multipart/Form-Data ; charset="utf-8"; BOUNDARY="xyz";', 0),
    (b"multipart/form-data; ; boundary=" + b"x" * 70, 0),
    (b'multipart/form-data; boundary="x(),/:=? \'x"', 0),
    (b"multipart/form-data; boundary=*****", 0),
    (b"multipart/form-data; boundary=" + b"x" * 71, 400),
    (b"multipart/form-data", 400),
    (b"multipart/form-data; boundary", 400),
    (b"multipart/form-data; boundary=", 400),
    (b'multipart/form-data; boundary=""', 400),
    (b'multipart/form-data; boundary="', 400),
    (b'multipart/form-data; boundary="x', 400),
    (b'multipart/form-data; boundary="x ";', 400),
    (b'multipart/form-data; boundary="x\\""', 400),
    (b'multipart/form-data; boundary="\xe4"', 400),
    (b"multipart/form-data; boundary=x/y", 400),
    (b"multipart/form-data; boundary=x; boundary=x", 400),
    (b"multipart/form-data; boundary=x; ?", 400),
    (b"multipart/form-data; =x", 400),
    (b"multipart/form-data; boundary x=y", 400),
    (b"multipart/form-data x; boundary=x", 400),
    (b"multipart/form-dat", 415),
    (b"multipart/form-datax; boundary=x", 415),
    (b"multipart/mixed; boundary=x", 415),
    (b"application/x-www-form-urlencoded", 0),
    (b"APPLICATION/x-www-form-urlencoded;charset=UTF-8", 0),
    (b"application/json", 415),
    (b"", 415),
])
def test_content_type(core, content_type, expected):
    form = Form(core, content_type)
    assert form.begun == -expected
    assert expected == 0 or ("form" in form.fault and parse(core, b"", content_type) == ([], expected))


# ---- the head of a part

@pytest.mark.parametrize(("disposition", "expected"), [
    (b'name="a"', (b"a", None)),
    (b"name=a", (b"a", None)),
    (b'NAME="a" ; FileName="b c.txt"', (b"a", b"b c.txt")),
    (b'filename="b";name=a;', (b"a", b"b")),
    (b'name="a"; filename=""', (b"a", b"")),
    (b'name=""', (b"", None)),
    (b'name="a\\"b\\\\c\\d"', (b'a"b\\c\\d', None)),
    (b'name="%22%0D%0d%0A%0a%20%2%0%"', (b'"\r\r\n\n%20%2%0%', None)),
    (b'name="%0X%02%23%0"', (b"%0X%02%23%0", None)),
    (b"name=%22", (b"%22", None)),
    (b'name="\xc3\xa4\t;="', (b"\xc3\xa4\t;=", None)),
    (b"name=a; filename*=UTF-8''b; size=3; filenama=c", (b"a", None)),
    (b'name="C:\\x"', (b"C:\\x", None)),
])
def test_disposition(core, disposition, expected):
    assert parse(core, named(b"data", disposition) + LAST) == ([(*expected, None, b"data")], None)


@pytest.mark.parametrize("head", [
    b"",
    b"Content-Type: text/plain\r\n",
    b"Content-Disposition: form-data\r\n",
    b"Content-Disposition: form-data; filename=a\r\n",
    b"Content-Disposition: attachment; name=a\r\n",
    b"Content-Disposition: form-data; name\r\n",
    b"Content-Disposition: form-data; name=\r\n",
    b'Content-Disposition: form-data; name="a\r\n',
    b'Content-Disposition: form-data; name="a\\"\r\n',
    b'Content-Disposition: form-data; name="a\\\r\n',
    b'Content-Disposition: form-data; name="a"b\r\n',
    b"Content-Disposition: form-data; name=a; name=a\r\n",
    b"Content-Disposition: form-data; name=a; filename=b; filename=b\r\n",
    b"Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=a\r\n",
    b"Content-Disposition: form-data; name=a\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n",
    b"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n",
    b"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: form-data; name=a\r\nX\r\n",
    b"Content-Disposition: form-data; name=a\r\nX : y\r\n",
    b"Content-Disposition: form-data; name=a\r\n: y\r\n",
    b"Content-Disposition: form-data;\r\n name=a\r\n",
    b"Content-Disposition: form-data; name=a\r\nX: \x00\r\n",
    b"Content-Disposition: form-data; name=a\r\nX: a\rb\r\n",
    b"Content-Disposition: form-data; name=a\n",
    b"\n",
])
def test_malformed_head(core, head):
    found, refusal = parse(core, named(b"first") + part(head, b"data") + LAST)
    assert (found, refusal) == ([(b"a", None, None, b"first")], 400)


def test_other_fields(core):
    more = b"X-Own: 1\r\nX:\r\nX: \t\r\nContent-Dispositiom: a\r\nContent-Typo: b\r\nContent-Transfer-Encodinh: c\r\n"
    more += b"content-type:  text/plain; charset=utf-8 \t\r\ncontent-transfer-encoding: %s\r\n"
    for encoding in (b"binary", b"8Bit", b"7bit", b"7bit ; x=y"):
        body = named(b"1", more=more % encoding) + named(b"2") + LAST
        found, _ = parse(core, body)
        assert found == [(b"a", None, b"text/plain; charset=utf-8", b"1"), (b"a", None, None, b"2")]


# ---- boundaries

ONE = ([(b"a", None, None, b"1")], None)


@pytest.mark.parametrize(("body", "expected"), [
    (LAST, ([], None)),
    (b"--xyz--", ([], None)),
    (named(b"1") + b"--xyz--", ONE),
    (named(b"1") + b"--xyz--what follows is ignored\r\n--xyz\r\n", ONE),
    (b"\r\n" + named(b"1") + LAST, ONE),
    (b"preamble\r\n--xy\r\n" + named(b"1") + LAST, ONE),
    (b"--xy\r\n" + named(b"1") + LAST, ONE),
    (b"-\r\n--xyz \t \r\n" + named(b"1")[7:] + b"--xyz--", ONE),
    (b"--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n--xyz--", ([(b"a", None, None, b"")], None)),
    (named(b"--xy") + LAST, ([(b"a", None, None, b"--xy")], None)),
    (named(b"-") + LAST, ([(b"a", None, None, b"-")], None)),
    (named(b"\r\n--xy\r\n\r\n--x") + LAST, ([(b"a", None, None, b"\r\n--xy\r\n\r\n--x")], None)),
    (b"", ([], 400)),
    (b"preamble", ([], 400)),
    (b"preamble--xyz--", ([], 400)),
    (b"--xyz", ([], 400)),
    (b"--xyz-", ([], 400)),
    (b"--xyz-x", ([], 400)),
    (b"--xyzz\r\n", ([], 400)),
    (b"--xyz \r\r", ([], 400)),
    (b"--xyz -", ([], 400)),
    (b"--xyz\r\nContent-Disposition: form-data; name=a\r\n", ([], 400)),
    (named(b"1"), ([(b"a", None, None, b"1")], 400)),
    (named(b"1")[:-1], ([(b"a", None, None, b"1")], 400)),
    (named(b"1") + b"--xyz\n", ([(b"a", None, None, b"1")], 400)),
])
def test_boundaries(core, body, expected):
    assert parse(core, body) == expected


# ---- limits, each at its bound and one above

def test_parts_max(core):
    assert parse(core, named(b"1") * 3 + LAST, parts_max=3) == ([(b"a", None, None, b"1")] * 3, None)
    assert parse(core, named(b"1") * 3 + LAST, parts_max=2) == ([(b"a", None, None, b"1")] * 2, 413)
    assert parse(core, b"a=1&a=1&a=1", URLENCODED, parts_max=3)[1] is None
    assert parse(core, b"a=1&a=1&a=1", URLENCODED, parts_max=2)[1] == 413


def test_part_max(core):
    for data in (b"0123456789", b"\r\n--xy6789", b"\r" * 10):
        assert parse(core, named(data) * 2 + LAST, part_max=10) == ([(b"a", None, None, data)] * 2, None)
        assert parse(core, named(data) + LAST, part_max=9)[1] == 413
    for data in (b"a=0123456789", b"a=%30%31%323456789", b"a=++++++++++", b"a=%%%%%%%%%%"):
        assert parse(core, data, URLENCODED, part_max=10)[1] is None
        assert parse(core, data, URLENCODED, part_max=9)[1] == 413


def test_part_head_max(core):
    head = b"Content-Disposition: form-data; name=a\r\nX: %s\r\n"
    room = 1024 - len(head % b"") - 2
    assert parse(core, part(head % (b"x" * room), b"1") + LAST) == ONE
    assert parse(core, part(head % (b"x" * (room + 1)), b"1") + LAST) == ([], 413)
    assert parse(core, b"x" * 1024 + b"=1", URLENCODED)[1] is None
    assert parse(core, b"x" * 1025 + b"=1", URLENCODED)[1] == 413


def test_extra_max(core):
    room = 1024 - len(b"\r\n--xyz")
    assert parse(core, b"p" * room + b"\r\n" + named(b"1") + LAST) == ONE
    assert parse(core, b"p" * (room + 1) + b"\r\n" + named(b"1") + LAST) == ([], 413)
    assert parse(core, b"--xyz" + b" " * 1019 + named(b"1")[5:] + LAST) == ONE
    assert parse(core, b"--xyz" + b" " * 1020 + named(b"1")[5:] + LAST) == ([], 413)


def test_faults_say_what(core):
    for body, fault in (
        (b"", "ends before its last boundary"),
        (b"x" * 2000, "in no part"),
        (named() * 9, "too many parts"),
        (named(b"x" * 6000), "too large"),
        (named(more=b"x: y\r\n" * 300), "too large a head"),
    ):
        form = Form(core, TYPE)
        assert form.read([body])[1] in (400, 413)
        assert fault in form.fault


# ---- urlencoded

@pytest.mark.parametrize(("body", "expected"), [
    (b"", []),
    (b"&&", []),
    (b"a=1", [(b"a", b"1")]),
    (b"a=1&", [(b"a", b"1")]),
    (b"a&b=&=c&&=", [(b"a", b""), (b"b", b""), (b"", b"c"), (b"", b"")]),
    (b"a+b%3D=c+d%26e", [(b"a b=", b"c d&e")]),
    (b"a=b=c", [(b"a", b"b=c")]),
    (b"%=%&%4=%4&%zz=%zz", [(b"%", b"%"), (b"%4", b"%4"), (b"%zz", b"%zz")]),
    (b"a=%%41%4%41%", [(b"a", b"%A%4A%")]),
    (b"a=%00%fF", [(b"a", b"\x00\xff")]),
])
def test_urlencoded(core, body, expected):
    assert parse(core, body, URLENCODED) == ([(key, None, None, value) for key, value in expected], None)
