"""WebSocket frames and the opening handshake, against a second reading of RFC 6455."""

import base64
import hashlib
import struct

import pytest
from frames import BINARY, CLOSE, CONTINUATION, MASK, PING, PONG, TEXT, frame, masked
from hypothesis import given
from hypothesis import strategies as st

MAX = 1000


# ---- the decoder


class Decoder:
    def __init__(self, core, max_message=MAX):
        self.core = core
        self.ws = core.ffi.new("mh_ws_t *")
        self.ws.max_message = max_message

    def feed(self, data, at_begin=False):
        """What is told of the bytes: (opcode, payload), or the status that the connection fails with, last."""
        lib, ffi = self.core.lib, self.core.ffi
        piece = ffi.new("mh_ws_piece_t *")
        memory = self.core.input.put(data, at_begin)
        at = 0
        while at < len(data):
            had_left = self.ws.left if lib.mh_ws_in_message(self.ws) else 0
            n = lib.mh_ws_next(self.ws, memory + at, len(data) - at, piece)
            assert 0 < n <= len(data) - at
            at += n
            if piece.kind in (lib.MH_WS_DATA, lib.MH_WS_END):
                assert piece.len <= had_left
                assert piece.len == 0 or memory + at - n <= piece.data
                assert piece.message in (TEXT, BINARY)
                yield "data", piece.message, self.core.bytes(piece.data, piece.len), piece.kind == lib.MH_WS_END
            elif piece.kind == lib.MH_WS_CONTROL:
                yield "control", piece.opcode, self.core.bytes(self.ws.control, self.ws.control_len), True
            elif piece.kind == lib.MH_WS_ERROR:
                yield "error", piece.code, b"", True
                return


def decode(core, pieces, max_message=MAX, at_begin=False):
    """Whole messages, control frames, and the error; and the unfinished message."""
    decoder, told, message = Decoder(core, max_message), [], b""
    for data in pieces:
        for kind, code, payload, end in decoder.feed(data, at_begin):
            if kind == "error":
                return [*told, code], None
            if kind == "control":
                told.append((code, payload))
                continue
            message += payload
            if end:
                told.append((code, message))
                message = b""
    return told, message


def splits(data):
    """The same bytes whole, byte by byte, and cut at each place."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for cut in range(1, min(len(data), 40)):
        yield [data[:cut], data[cut:]]


def check(core, data, expected, **options):
    for pieces in splits(data):
        for at_begin in (False, True):
            assert decode(core, pieces, at_begin=at_begin, **options)[0] == expected


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 7, 125, 126, 127, 300, MAX])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_message_of_any_length(core, opcode, length):
    payload = bytes(i % 128 if opcode == TEXT else i % 256 for i in range(length))
    check(core, frame(opcode, payload) + frame(PING, b"x"), [(opcode, payload), (PING, b"x")])


def test_long_message(core):
    payload = bytes(i % 251 for i in range(70000))
    assert decode(core, [frame(BINARY, payload)], 70000) == ([(BINARY, payload)], b"")
    assert decode(core, [frame(BINARY, payload)], 69999) == ([1009], None)


def test_fragments_with_control_frames_between(core):
    data = frame(TEXT, b"a\xc3", fin=False) + frame(PING, b"p") + frame(CONTINUATION, b"\xa9", fin=False)
    data += frame(CONTINUATION, b"", fin=False) + frame(PONG) + frame(CONTINUATION, b"z") + frame(BINARY, b"\xff")
    check(core, data, [(PING, b"p"), (PONG, b""), (TEXT, b"a\xc3\xa9z"), (BINARY, b"\xff")])


def test_empty_fragments(core):
    data = frame(BINARY, fin=False) + frame(CONTINUATION) + frame(TEXT, fin=False) + frame(CONTINUATION, b"x")
    check(core, data, [(BINARY, b""), (TEXT, b"x")])


def test_control_frame_of_the_greatest_length(core):
    check(core, frame(PING, b"y" * 125) + frame(CLOSE, b"\x03\xe8bye"), [(PING, b"y" * 125), (CLOSE, b"\x03\xe8bye")])


@pytest.mark.parametrize(("data", "code"), [
    (frame(TEXT, b"x", mask=None), 1002),
    (frame(PING, b"", mask=None), 1002),
    *[(frame(TEXT, b"x", rsv=rsv), 1002) for rsv in (1, 2, 4, 7)],
    *[(frame(opcode, b"x"), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    (frame(PING, b"x", fin=False), 1002),
    (frame(CLOSE, b"", fin=False), 1002),
    (frame(PING, b"x" * 126), 1002),
    (frame(PING, length=5, size=2), 1002),
    (frame(PING, length=5, size=8), 1002),
    (frame(CONTINUATION, b"x"), 1002),
    (frame(CONTINUATION, b"x", fin=False), 1002),
    (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
    (frame(BINARY, b"x", fin=False) + frame(BINARY, b"y", fin=False), 1002),
    (frame(TEXT, b"x", size=2), 1002),
    (frame(TEXT, b"x" * 125, size=2), 1002),
    (frame(BINARY, b"x" * 300, size=8), 1002),
    (frame(BINARY, length=65535, size=8), 1002),
    (frame(BINARY, length=2**63, size=8), 1002),
    (frame(BINARY, length=2**64 - 1, size=8), 1002),
    (frame(BINARY, length=2**63 - 1, size=8), 1009),
    (frame(BINARY, length=2**32, size=8), 1009),
    (frame(BINARY, length=2**32 + 5, size=8), 1009),
    (frame(BINARY, length=2**32 - 1, size=8), 1009),
    (frame(BINARY, length=65536, size=8), 1009),
    (frame(BINARY, length=MAX + 1), 1009),
    (frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, length=401, size=2), 1009),
    (frame(TEXT, b"\xff"), 1007),
    (frame(TEXT, b"ok\x80"), 1007),
    (frame(TEXT, b"\xc3"), 1007),
    (frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION), 1007),
    (frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION, b"x"), 1007),
    (frame(TEXT, b"\xed\xa0", fin=False), 1007),
])
def test_failures(core, data, code):
    good = frame(BINARY, b"\xfe") + frame(PONG, b"p")
    for before, told in ((b"", []), (good, [(BINARY, b"\xfe"), (PONG, b"p")])):
        for pieces in splits(before + data):
            found, rest = decode(core, pieces)
            assert (found, rest) == ([*told, code], None)


def test_at_the_limit(core):
    data = frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, b"y" * 400) + frame(BINARY, b"z" * MAX)
    assert decode(core, [data]) == ([(TEXT, b"x" * 600 + b"y" * 400), (BINARY, b"z" * MAX)], b"")


def test_no_bytes(core):
    piece = core.ffi.new("mh_ws_piece_t *")
    decoder = Decoder(core)
    assert core.lib.mh_ws_next(decoder.ws, core.input.put(b""), 0, piece) == 0
    assert piece.kind == core.lib.MH_WS_NOTHING


def reading(data, max_message=MAX):
    """A plain reading of all the bytes at once. Returns what decode() does."""
    told, at, message, kind = [], 0, b"", 0
    while len(data) - at >= 2:
        first, second = data[at : at + 2]
        opcode, fin, length = first & 15, first >> 7, second & 127
        if first & 0x70 or not second & 128 or opcode in range(3, 8) or opcode > 10:
            return [*told, 1002], None
        if opcode >= 8 and (not fin or length > 125):
            return [*told, 1002], None
        if opcode < 8 and (opcode == 0) != (kind != 0):
            return [*told, 1002], None
        size = {126: 2, 127: 8}.get(length, 0)
        if len(data) - at < 6 + size:
            break
        if size:
            length = int.from_bytes(data[at + 2 : at + 2 + size], "big")
            if length < (126 if size == 2 else 65536) or length >> 63:
                return [*told, 1002], None
        at += 2 + size
        mask, payload = data[at : at + 4], data[at + 4 : at + 4 + length]
        at += 4
        if opcode < 8 and len(message) + length > max_message:
            return [*told, 1009], None
        payload = masked(payload, mask)
        whole = len(payload) == length
        at += len(payload)
        if opcode >= 8:
            if whole:
                told.append((opcode, payload))
            continue
        kind = opcode or kind
        message += payload
        if kind == TEXT and not is_utf8(message, whole and fin):
            return [*told, 1007], None
        if whole and fin:
            told.append((kind, message))
            message, kind = b"", 0
        if not whole:
            break
    return told, message


def is_utf8(text, whole):
    try:
        text.decode()
    except UnicodeDecodeError as exc:
        return not whole and exc.reason == "unexpected end of data"
    return True


TEXTS = [b"", b"a", b"hello", "blåbær €𝄞".encode(), b"\xe2\x82", b"\xac", b"\xff", b"\xed\xa0\x80", b"\xf4\x90",
         b"x" * 130]
FRAMES = st.builds(
    frame,
    st.sampled_from([CONTINUATION, TEXT, TEXT, BINARY, CLOSE, PING, PONG, 3, 11]),
    st.sampled_from(TEXTS),
    st.sampled_from([True, True, False]),
    st.sampled_from([MASK, b"\0\0\0\0", b"\xff\x01\x80\x7e", None]),
    st.sampled_from([0] * 15 + [4]),
    st.sampled_from([None] * 15 + [2, 8]),
)


@given(st.lists(FRAMES, max_size=6).map(b"".join), st.lists(st.integers(1, 400), max_size=5), st.integers(1, 300))
def test_any_frames(core, data, cuts, max_message):
    places = sorted({cut for cut in cuts if cut < len(data)})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert decode(core, pieces, max_message) == reading(data, max_message)


@given(st.binary(max_size=80))
def test_any_bytes(core, data):
    assert decode(core, [data]) == reading(data)


# ---- parts of it


@pytest.mark.parametrize("length", range(14))
@pytest.mark.parametrize("skip", range(4))
def test_unmask(core, length, skip):
    data = bytes(range(100, 100 + length))
    mask = core.ffi.new("uint8_t[4]", MASK)
    at = core.output.put(data + b"\xa5" * skip)
    core.lib.mh_ws_unmask(mask, at, length)
    assert core.bytes(at, length + skip) == masked(data) + b"\xa5" * skip
    assert core.bytes(mask, 4) == (MASK * 2)[length % 4 :][:4]


def utf8(core, pieces):
    state = core.ffi.new("mh_utf8_t *")
    return all(core.lib.mh_utf8_next(state, core.input.put(piece), len(piece)) for piece in pieces) and state.left == 0


EDGES = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
         0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff]


def test_utf8_of_all_edges(core):
    """Every sequence of four bytes at the borders of RFC 3629's table."""
    for first in EDGES:
        for second in EDGES:
            for rest in (b"", b"\x80", b"\xbf", b"\x80\x80", b"\xc0", b"\x7f", b"\xbf\xc2", b"a\x80", b"\x80\xbfz"):
                text = bytes([first, second]) + rest
                assert utf8(core, [text]) == is_utf8(text, whole=True), text


@given(st.binary(max_size=20) | st.text(max_size=12).map(str.encode), st.integers(0, 20))
def test_any_utf8(core, text, cut):
    assert utf8(core, [text[:cut], text[cut:]]) == utf8(core, [text]) == is_utf8(text, whole=True)


@pytest.mark.parametrize("where", range(16))
def test_utf8_finds_a_byte_anywhere(core, where):
    text = b"a" * where + b"\xff" + b"b" * (15 - where)
    assert not utf8(core, [text])
    assert utf8(core, [text.replace(b"\xff", b"c")])


GOOD_CODES = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}


def test_codes(core):
    for code in (*range(990, 1030), 0, 999, 2999, 3000, 4999, 5000, 65535, 2**32 - 1):
        assert core.lib.mh_ws_code_ok(code) == (code in GOOD_CODES)


@pytest.mark.parametrize(("payload", "expected"), [
    (b"", 1005), (b"\x03", -1002), (b"\x03\xe8", 1000), (b"\x03\xe8bye", 1000), (b"\x0f\xa0", 4000),
    (b"\x03\xed", -1002), (b"\x03\xee", -1002), (b"\x03\xf7", -1002), (b"\0\0", -1002), (b"\x03\xe8\xff", -1007),
    (b"\x03\xe8\xc3", -1007), (b"\x03\xe8" + "é".encode(), 1000), (b"\x03\xec", -1002), (b"\xff\xff", -1002),
])
def test_close_payload(core, payload, expected):
    assert core.lib.mh_ws_close_code(core.input.put(payload), len(payload)) == expected


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 2**32 - 1])
def test_head_of_ours(core, length):
    out = core.output.room(10)
    n = core.lib.mh_ws_head(TEXT, length, out)
    size, first = (0, length) if length < 126 else (2, 126) if length < 65536 else (8, 127)
    assert core.bytes(out, n) == bytes([0x81, first]) + length.to_bytes(8, "big")[8 - size :]
    assert core.bytes(out + n, 10 - n) == b"\xa5" * (10 - n)


# ---- the opening handshake

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455's example
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept(core, key):
    out = core.output.room(28)
    core.lib.mh_ws_accept(core.input.put(key), out)
    return core.bytes(out, 28)


def test_accept_of_the_rfc(core):
    assert accept(core, KEY.encode()) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@given(st.binary(min_size=16, max_size=16).map(base64.b64encode))
def test_accept(core, key):
    assert accept(core, key) == base64.b64encode(hashlib.sha1(key + GUID).digest())


GOOD = {"Host": "t", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY}


def parse(core, changes, line="GET / HTTP/1.1", more=()):
    fields = [(name, value) for name, value in {**GOOD, **changes}.items() if value is not None]
    text = line + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in [*fields, *more]) + "\r\n"
    head = core.ffi.new("mh_head_t *")
    limits = core.ffi.new("mh_limits_t *", (4096, 1024, 32))
    data = core.input.put(text.encode("latin-1"))
    assert core.lib.mh_head_parse(head, limits, data, len(text)) == 1, text
    return head, data


def handshake(core, changes, *rest):
    head, data = parse(core, changes, *rest)
    key = core.ffi.new("const char **")
    status = core.lib.mh_ws_handshake(head, data, key)
    return status or core.ffi.buffer(key[0], 24)[:].decode()


@pytest.mark.parametrize("changes", [
    {}, {"Upgrade": "WebSocket"}, {"Upgrade": "h2c, websocket"}, {"Upgrade": "h2c ,\twebsocket\t, x/1"},
    {"Connection": "keep-alive, Upgrade"}, {"Connection": "UPGRADE"}, {"Upgrade": ",,websocket,"},
    {"Content-Length": "0"}, {"Sec-WebSocket-Extensions": "permessage-deflate"}, {"Upgrade": "a b, websocket"},
])
def test_handshake(core, changes):
    assert handshake(core, changes) == KEY


@pytest.mark.parametrize(("changes", "rest", "status"), [
    ({}, ("POST / HTTP/1.1",), 426),
    ({}, ("HEAD / HTTP/1.1",), 426),
    ({}, ("GET / HTTP/1.0",), 426),
    ({"Upgrade": None}, (), 426),
    ({"Upgrade": "websockets"}, (), 426),
    ({"Upgrade": "websocke"}, (), 426),
    ({"Upgrade": "websockex"}, (), 426),
    ({"Upgrade": "websocket/13"}, (), 426),
    ({"Upgrade": "web socket"}, (), 426),
    ({"Upgrade": "websocket x"}, (), 426),
    ({"Upgrade": ""}, (), 426),
    ({"Connection": "keep-alive"}, (), 426),
    ({"Connection": None}, (), 426),
    ({"Sec-WebSocket-Version": None}, (), 426),
    ({"Sec-WebSocket-Version": "8"}, (), 426),
    ({"Sec-WebSocket-Version": "14"}, (), 426),
    ({"Sec-WebSocket-Version": "013"}, (), 426),
    ({}, ("GET / HTTP/1.1", [("sec-websocket-version", "8")]), 426),
    ({"Sec-WebSocket-Key": None}, (), 400),
    ({}, ("GET / HTTP/1.1", [("sec-websocket-key", KEY)]), 400),
    ({"Sec-WebSocket-Key": ""}, (), 400),
    ({"Sec-WebSocket-Key": KEY[1:]}, (), 400),
    ({"Sec-WebSocket-Key": "A" + KEY}, (), 400),
    ({"Sec-WebSocket-Key": KEY[:-1] + "A"}, (), 400),
    ({"Sec-WebSocket-Key": KEY[:10] + "-" + KEY[11:]}, (), 400),
    ({"Sec-WebSocket-Key": KEY[:21] + "==="}, (), 400),
    ({"Sec-WebSocket-Key": KEY[:21] + "\xe9=="}, (), 400),
    ({"Content-Length": "1"}, (), 400),
    ({"Transfer-Encoding": "chunked"}, (), 400),
])
def test_handshake_refused(core, changes, rest, status):
    assert handshake(core, changes, *rest) == status


@pytest.mark.parametrize(("value", "more", "protocol", "expected"), [
    ("chat", (), "chat", True), ("superchat, chat", (), "chat", True), ("Chat", (), "chat", False),
    ("chatter", (), "chat", False), ("cha", (), "chat", False), (None, [("Sec-WebSocket-Protocol", "a")], "a", True),
    ("a", [("Sec-WebSocket-Protocol", "chat")], "chat", True),
    (None, (), "chat", False), ("a b", (), "a", False), ("b a", (), "a", False), ("chaT ,chat ", (), "chat", True),
])
def test_offers(core, value, more, protocol, expected):
    head, data = parse(core, {"Sec-WebSocket-Protocol": value}, more=more)
    assert core.lib.mh_ws_offers(head, data, protocol.encode(), len(protocol)) == expected


def test_frames_helper():
    """What the cases are made with, spelled out once."""
    assert frame(TEXT, b"Hello", mask=bytes.fromhex("37fa213d")) == bytes.fromhex("818537fa213d7f9f4d5158")
    assert frame(BINARY, bytes(256))[:4] == struct.pack("!BBH", 0x82, 0x80 | 126, 256)
