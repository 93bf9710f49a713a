"""modhttp/port/slip_frame.c: what goes in comes out, however it is cut, and nothing else does. RFC 1055."""

import random
import subprocess
from pathlib import Path

import cffi
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODHTTP = ROOT / "modhttp"

END, ESC, ESC_END, ESC_ESC = b"\xc0", b"\xdb", b"\xdc", b"\xdd"
MORE, FULL, PACKET, GARBLED = range(4)

DECLARATIONS = """
size_t modhttp_slip_encode(uint8_t *ring, size_t mask, size_t pos, size_t room, const uint8_t *in, size_t n);
typedef struct { uint8_t *out; uint8_t *end; bool started; bool escaped; bool drop; } modhttp_slip_decoder_t;
int modhttp_slip_decode(modhttp_slip_decoder_t *decoder, const uint8_t **in, const uint8_t *in_end);
"""


class Slip:
    def __init__(self, library):
        self.ffi = cffi.FFI()
        self.ffi.cdef(DECLARATIONS)
        self.lib = self.ffi.dlopen(str(library))

    def encode(self, packet, room=None):
        """The packet in wire form without its ENDs, or None if it does not fit."""
        room = 2 * len(packet) if room is None else room
        out = self.ffi.new("uint8_t[]", room + 1)
        n = self.lib.modhttp_slip_encode(out, self.ffi.cast("size_t", -1), 0, room, packet, len(packet))
        assert out[room] == 0, "wrote beyond the room"
        return None if n == int(self.ffi.cast("size_t", -1)) else bytes(out)[:n]

    def decode(self, pieces, room=2000):
        """The packets in a stream that arrives in pieces; None stands for one that was dropped."""
        decoder = self.ffi.new("modhttp_slip_decoder_t *")
        out = self.ffi.new("uint8_t[]", room)
        decoder.out, decoder.end = out, out + room
        found = []
        for piece in pieces:
            buffer = self.ffi.new("uint8_t[]", piece)
            at, end = self.ffi.new("const uint8_t **", buffer), buffer + len(piece)
            while True:
                event = self.lib.modhttp_slip_decode(decoder, at, end)
                if event == MORE:
                    assert at[0] == end
                    break
                if event == FULL:
                    decoder.drop = True
                    continue
                assert not (decoder.started or decoder.escaped or decoder.drop)
                found.append(bytes(self.ffi.buffer(out, decoder.out - out)) if event == PACKET else None)
                decoder.out, decoder.end = out, out + room
        return found


@pytest.fixture(scope="module")
def slip(tmp_path_factory):
    library = tmp_path_factory.mktemp("slip") / "libslip.so"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    source = MODHTTP / "port/slip_frame.c"
    subprocess.run(["cc", *flags, "-fPIC", "-shared", f"-I{MODHTTP}", source, "-o", library], check=True)
    return Slip(library)


def reference(packet):
    return packet.replace(ESC, ESC + ESC_ESC).replace(END, ESC + ESC_END)


def random_packet(source):
    alphabet = source.choice([END + ESC, END + ESC + ESC_END + ESC_ESC + b"ab", bytes(range(256))])
    return bytes(source.choices(alphabet, k=source.randrange(1, 200)))


def test_encodes(slip):
    source = random.Random(1)
    for _ in range(300):
        packet = random_packet(source)
        assert slip.encode(packet) == reference(packet)


def test_encodes_whole_or_not_at_all(slip):
    source = random.Random(2)
    for _ in range(300):
        packet = random_packet(source)
        wire = reference(packet)
        assert slip.encode(packet, len(wire)) == wire
        assert slip.encode(packet, len(wire) - 1) is None
    assert slip.encode(b"", 0) == b""


def test_encodes_around_the_end_of_a_ring(slip):
    packet = END * 7 + b"x"
    for start in range(32):
        ring = slip.ffi.new("uint8_t[]", 16)
        n = slip.lib.modhttp_slip_encode(ring, 15, start, 15, packet, len(packet))
        assert bytes(ring[(start + i) % 16] for i in range(n)) == reference(packet)


def test_decodes_whatever_the_pieces(slip):
    source = random.Random(3)
    for _ in range(100):
        packets = [random_packet(source) for _ in range(4)]
        stream = b"".join(END + reference(packet) + END for packet in packets)
        cuts = sorted(source.choices(range(len(stream) + 1), k=source.randrange(6)))
        pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert slip.decode(pieces) == packets
    assert slip.decode(stream[i:i + 1] for i in range(len(stream))) == packets


def test_empty_packets_are_skipped(slip):
    assert slip.decode([END * 5 + b"a" + END * 3]) == [b"a"]


@pytest.mark.parametrize("bad", [ESC + b"x", ESC + END, b"abc" + ESC + END, ESC + ESC + ESC_END + END])
def test_violations_cost_one_packet(slip, bad):
    stream = END + b"before" + END + bad + (b"" if bad.endswith(END) else END) + b"after" + END
    assert slip.decode([stream]) == [b"before", None, b"after"]


def test_room_at_below_and_above(slip):
    for packet in (b"x" * 20, END * 20, ESC * 20):
        wire = reference(packet) + END + b"next" + END
        assert slip.decode([wire], room=20) == [packet, b"next"]
        assert slip.decode([wire], room=21) == [packet, b"next"]
        assert slip.decode([wire], room=19) == [None, b"next"]
