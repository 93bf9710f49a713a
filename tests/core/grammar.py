"""RFC 9112's request grammar as regular expressions: a second opinion that shares no code with modhttp/core.

read() says what a stream of bytes holds, and what is wrong with it by name. Its only liberties are those that head.h
documents: a few characters of targets that browsers do not encode, up to four empty lines before a request.
"""

import re
from dataclasses import dataclass, field

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
VALUE = rb"[\t -~\x80-\xff]*"
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
HOST = rb"(?:\[[!$&'()*+,;=\-.:_~0-9A-Za-z]+\]|(?:[!$&'()*+,;=\-._~0-9A-Za-z]|%[0-9A-Fa-f]{2})*)"
AUTHORITY = rb"%s(?::[0-9]*)?" % HOST
LENGTH_MAX = 2**32 - 1
EXTRA_MAX = 2048  # MH_BODY_EXTRA_MAX

EMPTY_LINES = re.compile(rb"[\r\n]*")
HEAD_END = re.compile(rb"(?:(?<=\n)|^)\r?\n")  # as the most lenient would see it
BARE_CR = re.compile(rb"\r(?!\n)")
BARE_LF = re.compile(rb"(?<!\r)\n")
LINE = re.compile(rb"(%s) ([^ ]+) HTTP/([0-9])\.([0-9])" % TOKEN)
OTHER_LINES = {
    "later version": re.compile(rb"%s [^ ]+ HTTP/[02-9].*" % TOKEN),
    "no version": re.compile(rb"%s [^ ]+" % TOKEN),
    "more spaces": re.compile(rb"%s +[^ ]+ +HTTP/1\.[0-9] *" % TOKEN),
    "another protocol": re.compile(rb"%s +[^ ]+ +(?!HTTP/)[A-Z]+/[0-9]\.[0-9]" % TOKEN),
}
TARGET = re.compile(rb"(?:[!$-&'()*+,\-./0-9:;=?@A-Z\[\\\]^_`a-z{|}~](?<!%)|%[0-9A-Fa-f]{2})+")
ABSOLUTE = re.compile(rb"(?i:https?)://(?!:)(?=[^/?])%s(?:[/?].*)?" % AUTHORITY)
FIELD = re.compile(rb"(%s):[ \t]*(.*?)[ \t]*" % TOKEN, re.DOTALL)
EXTENSION = rb"[ \t]*;[ \t]*%s(?:[ \t]*=[ \t]*(?:%s|%s))?" % (TOKEN, TOKEN, QUOTED)
SIZE_LINE = re.compile(rb"([0-9A-Fa-f]+)((?:%s)*)\r\n" % EXTENSION)
OTHER_SIZES = {
    "chunk extension": re.compile(rb"[0-9A-Fa-f]+[ \t]*;"),
    "space after chunk size": re.compile(rb"[0-9A-Fa-f]+[ \t]+\r\n"),
}
TRAILERS = re.compile(rb"((?:%s:%s\r\n)*)\r\n" % (TOKEN, VALUE))

# What may be wrong, and where it is forbidden.
FAULTS = {
    "bare CR": "RFC 9112 section 2.2",
    "bare LF": "RFC 9112 section 2.2: may be taken for a line's end, need not",
    "many empty lines": "RFC 9112 section 2.2: at least one is to be skipped, four are",
    "other line breaks in front": "RFC 9112 section 2.2: only CRLF is to be skipped",
    "request line": "RFC 9112 section 3",
    "more spaces": "RFC 9112 section 3: may be refused",
    "no version": "RFC 9112 section 3: HTTP/0.9 is no longer HTTP",
    "another protocol": "RFC 9112 section 2.3",
    "later version": "RFC 9110 section 2.5: nothing is known of another major version",
    "target character": "RFC 9112 section 3.2",
    "target form": "RFC 9112 section 3.2",
    "folded line": "RFC 9112 section 5.2",
    "space before colon": "RFC 9112 section 5.1",
    "field line": "RFC 9112 section 5",
    "control character": "RFC 9110 section 5.5",
    "Host missing": "RFC 9112 section 3.2",
    "Host repeated": "RFC 9112 section 3.2",
    "Host invalid": "RFC 9112 section 3.2",
    "length malformed": "RFC 9112 section 6.3",
    "length listed": "RFC 9112 section 6.3: may be refused",
    "lengths differ": "RFC 9112 section 6.3",
    "length too large": "RFC 9110 section 8.6: no overflow",
    "length and coding": "RFC 9112 section 6.1: may be refused",
    "coding in 1.0": "RFC 9112 section 6.1",
    "coding not final": "RFC 9112 section 6.3",
    "chunked repeated": "RFC 9112 section 7",
    "coding unknown": "RFC 9112 section 6.1",
    "expectation": "RFC 9110 section 10.1.1",
    "chunk size": "RFC 9112 section 7.1",
    "space after chunk size": "RFC 9112 section 7.1",
    "chunk extension": "RFC 9112 section 7.1.1",
    "chunk end": "RFC 9112 section 7.1",
    "trailers": "RFC 9112 section 7.1.2",
    "chunk too large": "RFC 9112 section 7.1: no overflow",
    "much chunk framing": "RFC 9112 section 7.1.1: a limit is wanted",
}


@dataclass
class Message:
    """One request. None: not known."""

    start: int
    method: bytes = None
    target: bytes = None
    minor: int = None
    fields: list = field(default_factory=list)
    framing: object = None  # "chunked", a length, or "none"
    keep: bool = None
    expect: bool = None
    body: bytes = b""
    end: int = None
    refused: str = None  # "head", "body"
    switches: bool = False  # the parser leaves HTTP here
    faults: set = field(default_factory=set)


def items(fields, name):
    """The items of a list-valued field, in lower case."""
    listed = b",".join(value for key, value in fields if key.lower() == name)
    return [item.strip(b" \t").lower() for item in listed.split(b",") if item.strip(b" \t")]


def line_faults(line, message):
    found = LINE.fullmatch(line)
    if not found:
        shape = [fault for fault, pattern in OTHER_LINES.items() if pattern.fullmatch(line)]
        yield shape[0] if shape else "request line"
        return
    message.method, message.target = found[1], found[2]
    message.minor = 0 if found[4] == b"0" else 1
    if found[3] != b"1":
        yield "later version"
    if not TARGET.fullmatch(found[2]):
        yield "target character"
    elif found[1] != b"CONNECT" and found[2] != b"*" and found[2][:1] != b"/" and not ABSOLUTE.fullmatch(found[2]):
        yield "target form"


def field_faults(lines, message):
    for line in lines:
        found = FIELD.fullmatch(line)
        if found:
            message.fields.append((found[1], found[2]))
            if not re.fullmatch(VALUE, line[len(found[1]) + 1 :]):
                yield "control character"
        elif line[:1] in (b" ", b"\t"):
            yield "folded line"
            if message.fields:      # what it would mean, so that it is not blamed for more
                name, value = message.fields.pop()
                message.fields.append((name, (value + b" " + line).strip(b" \t")))
        elif re.match(rb"%s[ \t]+:" % TOKEN, line):
            yield "space before colon"
        else:
            yield "field line"


def length_faults(message):
    given = [value for name, value in message.fields if name.lower() == b"content-length"]
    if not given:
        return
    if not all(re.fullmatch(rb"[0-9]+", value) for value in given):
        listed = all(re.fullmatch(rb"[0-9]+", item.strip(b" \t")) for value in given for item in value.split(b","))
        yield "length listed" if listed else "length malformed"
        return
    message.framing = int(given[0])
    if len({int(value) for value in given}) > 1:
        yield "lengths differ"
    if max(map(int, given)) > LENGTH_MAX:
        yield "length too large"


def coding_faults(message):
    if not any(name.lower() == b"transfer-encoding" for name, _ in message.fields):
        return
    codings = items(message.fields, b"transfer-encoding")
    if any(name.lower() == b"content-length" for name, _ in message.fields):
        yield "length and coding"
    if message.minor == 0:
        yield "coding in 1.0"
    if codings[-1:] != [b"chunked"]:
        yield "coding not final"
    if codings.count(b"chunked") > 1 or b"chunked" in codings[:-1]:
        yield "chunked repeated"
    if any(coding != b"chunked" for coding in codings):
        yield "coding unknown"
    message.framing = "chunked"


def meaning_faults(message):
    hosts = [value for name, value in message.fields if name.lower() == b"host"]
    if message.minor and not hosts:
        yield "Host missing"
    if len(hosts) > 1:
        yield "Host repeated"
    if not all(re.fullmatch(AUTHORITY, host) for host in hosts):
        yield "Host invalid"
    message.framing = "none"
    yield from length_faults(message)
    yield from coding_faults(message)
    expected = items(message.fields, b"expect")
    if any(item != b"100-continue" for item in expected):
        yield "expectation"
    message.expect = bool(message.minor and expected)
    options = items(message.fields, b"connection")
    message.keep = b"close" not in options and (message.minor == 1 or b"keep-alive" in options)


def read_head(data, message):
    """Where the head ends, or None."""
    begin = EMPTY_LINES.match(data, message.start).end()
    empty = data[message.start : begin]
    if empty.replace(b"\r\n", b""):
        message.faults.add("other line breaks in front")
    elif len(empty) > 8:
        message.faults.add("many empty lines")
    end = HEAD_END.search(data, begin)
    head = data[begin : end.end() if end else len(data)]
    if BARE_CR.search(head):
        message.faults.add("bare CR")
    if BARE_LF.search(head):
        message.faults.add("bare LF")
    first, *lines = re.split(rb"\r?\n", re.sub(rb"\r?\n(\r?\n)?\Z", b"", head))
    message.faults.update(line_faults(first, message))
    message.faults.update(field_faults(lines, message))
    message.faults.update(meaning_faults(message))
    return end and end.end()


def read_chunked(data, message, at):
    extra = 0
    while True:
        line = SIZE_LINE.match(data, at)
        if not line:
            shape = [fault for fault, pattern in OTHER_SIZES.items() if pattern.match(data, at)]
            message.faults.add(shape[0] if shape else "chunk size")
            return
        size = int(line[1], 16)
        extra += len(line[2]) + len(line[1]) - len(line[1].lstrip(b"0"))
        at = line.end()
        if size > LENGTH_MAX:
            message.faults.add("chunk too large")
        if size == 0:
            break
        message.body += data[at : at + size]
        at += size
        if at >= len(data):
            return
        if data[at : at + 2] != b"\r\n":
            message.faults.add("chunk end")
            return
        at += 2
    trailers = TRAILERS.match(data, at)
    if not trailers:
        message.faults.add("trailers")
        return
    if extra + len(trailers[1].replace(b"\r\n", b"")) > EXTRA_MAX:
        message.faults.add("much chunk framing")
    message.end = trailers.end()


def read_body(data, message, at):
    if message.framing == "chunked":
        read_chunked(data, message, at)
        return
    length = 0 if message.framing == "none" else message.framing
    message.body = data[at : at + length]
    message.end = at + length if at + length <= len(data) else None


def read(data):
    """The requests in `data`, up to the first that is refused, incomplete or the last on its connection."""
    messages = []
    at = 0
    while at is not None and at < len(data):
        message = Message(at)
        messages.append(message)
        body = read_head(data, message)
        if message.faults:
            message.refused = "head"
            break
        if body is None:
            break
        read_body(data, message, body)
        if message.faults:
            message.refused = "body"
            break
        at = message.end if message.keep else None
    return messages
