"""Conversations as text: what a client sends, and what must come back. docs/testing.md tells the format.

`read_cases()` gives the cases of one file; `play()` holds one of them against a server.
"""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

DIRECTORY = Path(__file__).parent

# Seconds that a pause lasts, so that what was sent before it arrives by itself. Too short makes a case less sharp, not
# wrong: the answers are the same however the bytes are cut.
PAUSES = {"host": 0.02, "sanitized": 0.03, "rp2040": 0.08}

# "as said": a refusal may keep the connection or not; it must then do what it said.
ENDINGS = ("open", "closed", "as said")

PROBE = b"GET /p/4711 HTTP/1.1\r\nHost: probe\r\n\r\n"


@dataclass
class Expected:
    """An answer as a case wants it."""

    status: int
    to_head: bool = False
    fields: list = field(default_factory=list)  # (name, value or "*")
    absent: list = field(default_factory=list)
    body: bytes | None = None


@dataclass
class Answer:
    """An answer as it came."""

    status: int
    fields: list
    body: bytes

    def values(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def value(self, name):
        return ", ".join(self.values(name))


@dataclass
class Case:
    file: str
    title: str
    line: int
    steps: list = field(default_factory=list)  # bytes to send, Expected, "pause" or "end"
    ending: str = ""  # one of ENDINGS

    def __str__(self):
        return f"{self.file}: {self.title}"


# ---- reading


def to_bytes(text):
    """Python's escapes, and {text*count} for a repetition."""
    text = re.sub(r"\{([^{}]+)\*(\d+)\}", lambda match: match[1] * int(match[2]), text)
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def read_expected(words):
    to_head = words[0] == "HEAD"
    return Expected(int(words[to_head]), to_head)


def read_detail(expected, text):
    """An indented line: a field, a field that must not be there, or the body."""
    if text.startswith("|"):
        expected.body = (expected.body or b"") + to_bytes(text[1:].removeprefix(" "))
    elif text.startswith("no "):
        expected.absent.append(text[3:])
    else:
        name, value = text.split(": ", 1)
        expected.fields.append((name, value))


def read_line(case, line, before):
    """One line of a case; `before` is the line before it."""
    if line.startswith("> "):
        data = to_bytes(line[2:])
        if before.startswith("> "):
            case.steps[-1] += data
        else:
            case.steps.append(data)
    elif line in ("pause", "end"):
        case.steps.append(line)
    elif line.startswith("< "):
        case.steps.append(read_expected(line[2:].split()))
    elif line.startswith("  ") and isinstance(case.steps[-1], Expected):
        read_detail(case.steps[-1], line[2:])
    elif line in ENDINGS:
        case.ending = line
    else:
        raise ValueError("neither >, <, a detail of an answer, pause, end nor an ending")


def read_cases(name):
    """(settings, cases) of a file: the arguments that its Server gets, and what is asked of it."""
    settings, cases, before = "", [], ""
    for number, line in enumerate((DIRECTORY / name).read_text().splitlines(), 1):
        try:
            if line.startswith("== "):
                assert not cases or cases[-1].ending, "the case before does not say how it ends"
                cases.append(Case(name.removesuffix(".txt"), line[3:], number))
            elif line.startswith("Server("):
                assert not cases, "Server(...) belongs at the head of the file"
                settings = line
            elif line and not line.startswith("#"):
                assert cases and not cases[-1].ending, "outside of a case"
                read_line(cases[-1], line, before)
        except (AssertionError, ValueError, IndexError) as error:
            raise ValueError(f"{name}:{number}: {error}: {line}") from error
        before = line
    assert cases[-1].ending, f"{name} ends within a case"
    return settings, cases


def files():
    return sorted(path.name for path in DIRECTORY.glob("*.txt"))


# ---- reading an answer: nothing that RFC 9112 does not allow


STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9]\d\d) ([\t -~\x80-\xff]*)\r\n")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*\r\n")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)\r\n")
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


def read_exactly(file, length):
    data = file.read(length)
    assert len(data) == length, f"the connection ended {length - len(data)} bytes before the body did: {data!r}"
    return data


def read_line_like(file, pattern):
    line = file.readline(65536)
    match = pattern.fullmatch(line)
    assert match, f"not a line of an answer: {line!r}"
    return match


def read_fields(file):
    fields = []
    while (line := file.readline(65536)) != b"\r\n":
        match = FIELD_LINE.fullmatch(line)
        assert match, f"not a field line: {line!r}"
        fields.append((match[1].decode(), match[2].decode("latin-1")))
    return fields


def read_chunks(file):
    body = b""
    while length := int(read_line_like(file, CHUNK_LINE)[1], 16):
        body += read_exactly(file, length)
        assert read_exactly(file, 2) == b"\r\n", "a chunk's data is not followed by CRLF"
    assert read_exactly(file, 2) == b"\r\n", "the last chunk is not followed by CRLF"
    return body


def check_fields(answer):
    """What holds for every answer."""
    for name in ("content-length", "transfer-encoding", "connection", "content-type", "date", "allow"):
        assert len(answer.values(name)) <= 1, f"{name} twice"
    date = answer.value("date")
    assert not date or DATE.fullmatch(date), date
    if answer.status < 200 or answer.status == 204:
        assert not answer.values("content-length"), "RFC 9110 section 8.6"
    if answer.status < 200 or answer.status in (204, 304):
        assert not answer.values("transfer-encoding"), "RFC 9112 section 6.1"
    if answer.status == 405:
        assert answer.values("allow"), "RFC 9110 section 15.5.6"
    if answer.status == 503:
        assert answer.values("retry-after")


def read_answer(file, to_head=False):
    """The next answer, framed as RFC 9112 section 6.3 tells. Fails on anything that is not one."""
    start = read_line_like(file, STATUS_LINE)
    answer = Answer(int(start[1]), read_fields(file), b"")
    check_fields(answer)
    length, coding = answer.values("content-length"), answer.values("transfer-encoding")
    if to_head or answer.status < 200 or answer.status in (204, 304):
        return answer
    if coding:
        assert coding == ["chunked"] and not length
        answer.body = read_chunks(file)
    elif length:
        assert length[0].isdecimal()
        answer.body = read_exactly(file, int(length[0]))
    else:
        assert answer.value("connection") == "close", "nothing tells where the body ends"
        answer.body = file.read()
    return answer


# ---- playing


def check_answer(expected, answer):
    assert answer.status == expected.status, answer
    for name, value in expected.fields:
        assert answer.values(name), f"no {name}: {answer}"
        assert value in ("*", answer.value(name)), answer
    for name in expected.absent:
        assert not answer.values(name), answer
    if expected.body is not None:
        assert answer.body == expected.body


def check_closed(wire):
    assert wire.rest() == b"", "more came than was expected"


def check_open(wire):
    wire.send(PROBE)
    probe = read_answer(wire.makefile("rb"))
    assert (probe.status, probe.body) == (200, b"int 4712"), f"not the answer to the next request: {probe}"


def check_ending(case, wire, answers):
    """Nothing else comes, and the connection goes on or ends in order, as the last answer has said."""
    said = [answer.value("connection") == "close" for answer in answers if answer.status >= 200]
    assert not any(said[:-1]), "an answer said close, and others followed"
    says_close = bool(said and said[-1])
    if case.ending == "closed" or (case.ending == "as said" and says_close):
        check_closed(wire)
        assert says_close or not said or "end" in case.steps, "closed, but the answer did not say so"
    else:
        assert not says_close, "the answer said close"
        check_open(wire)


def send(wire, data, apart):
    """In one segment, if it fits; or, apart, each byte in a segment of its own, as far as the kernel lets it be."""
    for piece in [data[i:i + 1] for i in range(len(data))] if apart else [data]:
        wire.send(piece)


def play(case, server, apart=False):
    answers = []
    with server.wire() as wire:
        for step in case.steps:
            if step == "pause":
                time.sleep(PAUSES[server.target])
            elif step == "end":
                wire.end()
            elif isinstance(step, Expected):
                answer = read_answer(wire.makefile("rb"), step.to_head)
                check_answer(step, answer)
                answers.append(answer)
            else:
                send(wire, step, apart)
        check_ending(case, wire, answers)
