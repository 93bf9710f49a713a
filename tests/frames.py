"""WebSocket frames (RFC 6455 section 5.2), as a client writes and reads them: also such as it may not."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x11\xe2\x33\x44"


def masked(payload, mask=MASK):
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def frame(opcode, payload=b"", fin=True, mask=MASK, rsv=0, size=None, length=None):
    """A client's frame; `size`: bytes of its length beyond the first, where not the fewest; `mask` None: not masked."""
    length = len(payload) if length is None else length
    if size is None:
        size = 0 if length < 126 else 2 if length < 65536 else 8
    first = {0: length, 2: 126, 8: 127}[size]
    head = bytes([fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | first])
    head += length.to_bytes(8, "big")[8 - size :]
    return head + (mask + masked(payload, mask) if mask is not None else payload)


def close_payload(code, reason=""):
    return code.to_bytes(2, "big") + reason.encode()


def read_frame(file):
    """(opcode, payload) of a server's frame: whole, not masked, as short as it can be. None at the connection's end."""
    head = file.read(2)
    if not head:
        return None
    assert head[0] & 0xF0 == 0x80, "one frame a message, and no extensions"
    length = head[1]
    assert length < 128, "not masked"
    if length >= 126:
        size = 2 if length == 126 else 8
        length = int.from_bytes(file.read(size), "big")
        assert length >= (126 if size == 2 else 65536)
    payload = file.read(length)
    assert len(payload) == length
    return head[0] & 15, payload
