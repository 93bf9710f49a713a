"""The captive portal's DNS server: messages as dnspython writes and reads them, and bytes that it would not."""

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

ADDRESS = "192.168.4.1"
NOERROR, FORMERR, NOTIMP, REFUSED = dns.rcode.NOERROR, dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.REFUSED


def answer_bytes(core, message, at_begin=False):
    room = core.output.room(core.lib.MH_DNS_ANSWER_MAX)
    query = core.input.put(message, at_begin)
    return core.bytes(room, core.lib.mh_dns_answer(query, len(message), bytes(map(int, ADDRESS.split("."))), room))


def ask(core, message):
    wire = message if isinstance(message, bytes) else message.to_wire()
    answer = answer_bytes(core, wire)
    assert answer == answer_bytes(core, wire, at_begin=True)
    return dns.message.from_wire(answer)


def addresses(answer):
    return [(rrset.name.to_text(), rrset.ttl, record.to_text()) for rrset in answer.answer for record in rrset]


LONGEST = ".".join(["a" * 63] * 3 + ["b" * 61]) + "."     # 255 bytes on the wire


@pytest.mark.parametrize("name", [
    "connectivitycheck.gstatic.com.", "cApTiVe.ApPlE.cOm.", "a.", ".", "xn--bcher-kva.example.", LONGEST,
    "a" * 63 + ".", r"not\.two.example.", r"\000\255.example.",
])
@pytest.mark.parametrize("kind", ["A", "ANY"])
@pytest.mark.parametrize("edns", [False, True])
def test_all_names_have_one_address(core, name, kind, edns):
    query = dns.message.make_query(name, kind, use_edns=edns)
    answer = ask(core, query)
    assert query.is_response(answer)
    assert addresses(answer) == [(name, 10, ADDRESS)]
    assert answer.rcode() == NOERROR
    assert answer.flags == dns.flags.QR | dns.flags.RD | dns.flags.RA
    assert len(answer_bytes(core, query.to_wire())) <= core.lib.MH_DNS_ANSWER_MAX


def test_the_longest_answer_is_as_long_as_said(core):
    assert len(answer_bytes(core, dns.message.make_query(LONGEST, "A").to_wire())) == core.lib.MH_DNS_ANSWER_MAX


@pytest.mark.parametrize("kind", ["AAAA", "HTTPS", "MX", "TXT", "SOA", "PTR", "TYPE257", "TYPE65281"])
def test_other_types_have_nothing_and_no_error(core, kind):
    query = dns.message.make_query("example.com", kind)
    answer = ask(core, query)
    assert query.is_response(answer)
    assert (answer.rcode(), answer.answer, answer.authority, answer.additional) == (NOERROR, [], [], [])


def test_recursion_is_said_to_be_desired_only_where_it_was(core):
    query = dns.message.make_query("example.com", "A", flags=0)
    assert ask(core, query).flags == dns.flags.QR | dns.flags.RA


@pytest.mark.parametrize(("kind", "code"), [("IN", NOERROR), ("ANY", NOERROR), ("CH", REFUSED), ("CLASS257", REFUSED)])
def test_classes(core, kind, code):
    query = dns.message.make_query("version.bind", "A", kind)
    answer = ask(core, query)
    assert answer.rcode() == code
    assert answer.question == query.question
    assert len(answer.answer) == (code == NOERROR)


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 6, 15])
def test_other_operations(core, opcode):
    query = dns.message.make_query("example.com", "A")
    query.set_opcode(dns.opcode.Opcode(opcode))
    answer = answer_bytes(core, query.to_wire())
    assert answer == query.id.to_bytes(2, "big") + bytes([0x81 | opcode << 3, 0x84]) + bytes(8)


def question(name, kind=b"\0\1\0\1", counts=(1, 0, 0, 0), flags=b"\1\0"):
    return b"\x12\x34" + flags + b"".join(count.to_bytes(2, "big") for count in counts) + name + kind


@pytest.mark.parametrize("message", [
    question(b"", b""), question(b"\0", b""), question(b"\0", b"\0"), question(b"\0", b"\0\1\0"),
    question(b"\1a", b""), question(b"\2a\0"[:2], b""), question(b"\1"), question(b"\x3f" + b"a" * 20 + b"\0"),
    question(b"\xc0\x0c"), question(b"\1a\xc0\x0c"), question(b"\x40a\0"), question(b"\x80a\0"), question(b"\xff\0"),
    question((b"\x3f" + b"a" * 63) * 4 + b"\0"),                # 257 bytes
    question((b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"b" * 62 + b"\0"),      # 256
    question(b"\1a\0", counts=(0, 0, 0, 0)), question(b"\1a\0\0\1\0\1\1b\0", counts=(2, 0, 0, 0)),
    question(b"\1a\0", counts=(257, 0, 0, 0)), question(b"\1a\0", counts=(1, 1, 0, 0)),
    question(b"\1a\0", counts=(1, 0, 1, 0)), question(b"\1a\0", counts=(1, 0, 256, 0)),
])
def test_malformed_questions(core, message):
    answer = answer_bytes(core, message)
    assert answer == answer_bytes(core, message, at_begin=True) == b"\x12\x34\x81\x81" + bytes(8)
    assert dns.message.from_wire(answer).rcode() == FORMERR


@pytest.mark.parametrize("cut", range(1, 29))
def test_cut_messages(core, cut):
    whole = dns.message.make_query("example.com", "A", id=1).to_wire()
    answer = answer_bytes(core, whole[:-cut])
    assert answer == (b"" if len(whole) - cut < 12 else b"\0\1\x81\x81" + bytes(8))


def test_what_follows_the_question_is_not_looked_at(core):
    for counts in ((1, 0, 0, 0), (1, 0, 0, 1), (1, 0, 0, 65535)):
        message = question(b"\1a\0", counts=counts) + b"\xc0\xff any"
        assert addresses(ask(core, message)) == [("a.", 10, ADDRESS)]


def test_answers_are_not_answered(core):
    answer = answer_bytes(core, dns.message.make_query("example.com", "A").to_wire())
    assert answer_bytes(core, answer) == b""
    assert answer_bytes(core, question(b"\1a\0", flags=b"\x80\0")) == b""


@given(st.binary(max_size=300))
def test_any_bytes(core, message):
    answer = answer_bytes(core, message)
    if answer:
        assert answer[:2] == message[:2]
        assert len(answer) <= len(message) + 16
        dns.message.from_wire(answer)


@given(st.binary(max_size=60), st.integers(0, 2), st.sampled_from([b"\0\0\0", b"\0\0\0\0\1\0\1", b"\0\0\1\0\1", b""]))
def test_any_question(core, name, count, end):
    answer = answer_bytes(core, question(name, end, counts=(count, 0, 0, 0)))
    found = dns.message.from_wire(answer)
    assert found.rcode() in (NOERROR, FORMERR, REFUSED)
    assert len(found.answer) <= count


def label(core, name, number, words, at_begin=False):
    room = core.output.room(core.lib.MH_DNS_LABEL_MAX + 1)
    core.lib.mh_dns_label(core.input.put(name.encode() + b"\0", at_begin), number, words, room)
    return core.ffi.string(core.ffi.cast("char *", room)).decode()


@pytest.mark.parametrize(("name", "number", "words", "expected"), [
    ("room", 0, False, "room"), ("room", 1, True, "room"), ("room", 2, False, "room-2"),
    ("A room", 2, True, "A room (2)"),
    ("room", 65535, False, "room-65535"), ("A room", 65535, True, "A room (65535)"), ("r" * 63, 1, False, "r" * 63),
    ("r" * 61, 2, False, "r" * 61 + "-2"), ("r" * 62, 2, False, "r" * 61 + "-2"),
    ("r" * 63, 10, False, "r" * 60 + "-10"), ("r" * 63, 2, True, "r" * 59 + " (2)"),
    ("r" * 58 + "é", 2, True, "r" * 58 + " (2)"),
    ("r" * 57 + "é", 2, True, "r" * 57 + "é (2)"), ("r" * 56 + "🌡", 2, True, "r" * 56 + " (2)"),
])
def test_label(core, name, number, words, expected):
    assert label(core, name, number, words) == label(core, name, number, words, at_begin=True) == expected


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=63),
       st.integers(0, 65535), st.booleans())
def test_any_label(core, name, number, words):
    while len(name.encode()) > 63:
        name = name[:-1]
    tail = (f" ({number})" if words else f"-{number}") if number >= 2 else ""
    found = label(core, name, number, words)
    assert found.endswith(tail)
    kept = found.removesuffix(tail)
    assert name.startswith(kept)
    assert len(found.encode()) <= 63
    assert kept == name or len((kept + name[len(kept)] + tail).encode()) > 63
