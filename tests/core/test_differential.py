"""modhttp/core against h11 and llhttp: where we and they differ, a rule here says why we are right.

A stream of requests (streams.py) goes through our parser, through theirs, and through the grammar as regular
expressions (grammar.py). With the grammar there must be no difference at all: what it finds fault with we refuse, and
we accept the rest, with the same method, target, fields, framing, body and end. With h11 and llhttp each difference
must be explained by a rule, and each rule has an example that needs it.

    MODHTTP_DIFFERENTIAL=200000 pytest tests/core/test_differential.py      a long run, other streams each time
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import grammar
from .peers import CoreReader, read_h11, read_llhttp
from .streams import TAIL, stream

READERS = {"h11": read_h11, "llhttp": read_llhttp}
ASPECTS = ("method", "target", "minor", "fields", "framing", "expect", "keep", "body", "end")
LONG = int(os.environ.get("MODHTTP_DIFFERENTIAL", "0"))

# --- Differences


def agree(aspect, ours, theirs):
    a, b = getattr(ours, aspect), getattr(theirs, aspect)
    if aspect == "fields" and theirs.framing is not None:
        a, b = ([item for item in fields if item[0].lower() not in NORMALISED] for fields in (a, b))
    return a == b or (b is None and aspect in ("framing", "expect", "keep"))


# h11 gives these in a form of its own, from which `framing` is made.
NORMALISED = (b"content-length", b"transfer-encoding")


def differences(ours, theirs):
    """(what, our message, their message) for each, up to where the two can no longer be compared."""
    for a, b in zip(ours, theirs, strict=False):
        if b.switches and a.refused != "head":
            yield "switches", a, b
            if a.refused:
                return
        if a.refused or b.refused:
            if a.refused == b.refused:
                return
            we_refuse = a.refused and (not b.refused or (a.refused, b.refused) == ("head", "body"))
            yield "refused" if we_refuse else "accepted", a, b
            return
        for aspect in ASPECTS[: 6 if b.switches else None]:
            if not agree(aspect, a, b):
                yield aspect, a, b
        if b.switches or a.end != b.end or not (a.keep and b.keep):
            return
    if len(ours) != len(theirs):
        yield "requests", ours[-1], theirs[-1]


# --- Rules


@dataclass
class Rule:
    """Why we may differ from a peer in `what`. `holds` looks at our message, theirs, and its bytes."""

    peer: str
    what: str
    why: str
    example: bytes
    holds: Callable


GET = b"GET / HTTP/1.1\r\nHost: h\r\n"
CHUNKED = GET + b"Transfer-Encoding: chunked\r\n"

# What is at fault, by grammar.py's names: an example, and who does not mind. Both refuse what is not here.
TOLERATED = {
    "bare LF": (b"GET / HTTP/1.1\nHost: h\r\n\r\n", "h11"),
    "other line breaks in front": (b"\n" + GET + b"\r\n", "llhttp"),
    "many empty lines": (b"\r\n" * 5 + GET + b"\r\n", "llhttp"),
    "no version": (b"GET /\r\n\r\n", "llhttp"),
    "more spaces": (b"GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "llhttp"),
    "another protocol": (b"OPTIONS / RTSP/1.0\r\nHost: h\r\n\r\n", "llhttp"),
    "later version": (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "h11 llhttp"),
    "target character": (b"GET /a%4 HTTP/1.1\r\nHost: h\r\n\r\n", "h11 llhttp"),
    "target form": (b"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "h11 llhttp"),
    "folded line": (GET + b"X: a\r\n b\r\n\r\n", "h11"),
    "control character": (GET + b"X: \x01\r\n\r\n", "h11"),
    "Host missing": (b"GET / HTTP/1.1\r\n\r\n", "llhttp"),
    "Host repeated": (GET + b"Host: h\r\n\r\n", "llhttp"),
    "Host invalid": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "h11 llhttp"),
    "length listed": (GET + b"Content-Length: 1, 1\r\n\r\na", "h11"),
    "length too large": (GET + b"Content-Length: 4294967296\r\n\r\n", "h11 llhttp"),
    "length and coding": (CHUNKED + b"Content-Length: 0\r\n\r\n0\r\n\r\n", "h11"),
    "coding in 1.0": (CHUNKED.replace(b"1.1", b"1.0") + b"\r\n0\r\n\r\n", "h11 llhttp"),
    "coding unknown": (GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "llhttp"),
    "chunked repeated": (GET + b"Transfer-Encoding: chunked\t\r\n" + CHUNKED[len(GET) :] + b"\r\n0\r\n\r\n", "llhttp"),
    "expectation": (GET + b"Expect: 200-ok\r\n\r\n", "h11 llhttp"),
    "space after chunk size": (CHUNKED + b"\r\n1 \r\na\r\n0\r\n\r\n", "h11"),
    "chunk extension": (CHUNKED + b"\r\n1;a=\r\na\r\n0\r\n\r\n", "h11 llhttp"),
    "trailers": (CHUNKED + b"\r\n0\r\nT: v\n\r\n", "h11"),
    "chunk too large": (CHUNKED + b"\r\n100000000\r\na", "h11 llhttp"),
    "much chunk framing": (CHUNKED + b"\r\n1;%s\r\na\r\n0\r\n\r\n" % (b"x" * 2050), "h11 llhttp"),
}


def values(message, name):
    return [value for key, value in message.fields if key.lower() == name]


KNOWN_TO_LLHTTP = b"""DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH
UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PATCH PURGE
MKCALENDAR LINK UNLINK QUERY""".split()


def proposes_upgrade(ours, theirs, data):
    return ours.method == b"CONNECT" or values(ours, b"upgrade")


def trailer(*names):
    """Holds where a trailer has one of the names."""
    pattern = re.compile(rb"(?i)\r\n0.*\r\n(.*\r\n)*(%s):" % b"|".join(names))
    return lambda ours, theirs, data: ours.framing == "chunked" and pattern.search(data)


RULES = [
    # requests that we accept and they do not
    Rule("h11", "accepted", "RFC 9112 section 2.2: empty lines before a request are to be ignored",
         b"\r\n" + GET + b"\r\n", lambda ours, theirs, data: data.startswith(b"\r\n")),
    Rule("h11", "accepted", "RFC 9110 section 5.6.1.2: empty items of a list are to be ignored",
         GET + b"Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n",
         lambda ours, theirs, data: any(value.lower() != b"chunked" for value in values(ours, b"transfer-encoding"))),
    Rule("h11", "accepted", "RFC 9110 section 8.6: the same decimal value, if with other zeros in front",
         GET + b"Content-Length: 3\r\nContent-Length: 03\r\n\r\nabc",
         lambda ours, theirs, data: len(set(values(ours, b"content-length"))) > 1),
    Rule("h11", "accepted", "RFC 9112 section 7.1.1: white space may surround a chunk extension's ';'",
         CHUNKED + b"\r\n1 ;a\r\na\r\n0\r\n\r\n",
         lambda ours, theirs, data: re.search(rb"\n[0-9A-Fa-f]+[ \t]+;", data)),
    Rule("h11", "accepted", "RFC 9112 section 7.1: a chunk's size may have any number of zeros in front",
         CHUNKED + b"\r\n%021x\r\na\r\n0\r\n\r\n" % 1,
         lambda ours, theirs, data: re.search(rb"\n0[0-9A-Fa-f]{20,}", data)),
    Rule("h11", "accepted", "RFC 9112 section 7.1.2: trailers may be discarded, whatever they say",
         CHUNKED + b"\r\n0\r\nTransfer-Encoding: x\r\n\r\n",
         trailer(b"transfer-encoding", b"content-length", b"host")),
    Rule("llhttp", "accepted", "RFC 9110 section 9.1: any token is a method",
         b"BREW / HTTP/1.1\r\nHost: h\r\n\r\n", lambda ours, theirs, data: ours.method not in KNOWN_TO_LLHTTP),
    Rule("llhttp", "accepted", "RFC 9110 section 2.5: a later minor version is understood as the latest known",
         b"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
         lambda ours, theirs, data: re.search(rb"^[^\n]* HTTP/1\.[2-9]\r\n", data.lstrip())),
    Rule("llhttp", "accepted", "RFC 9110 section 5.6.1.2: empty items of a list are to be ignored",
         GET + b"Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
         lambda ours, theirs, data: any(value.lower() != b"chunked" for value in values(ours, b"transfer-encoding"))),
    Rule("llhttp", "accepted", "RFC 9112 section 7.1.1: white space may surround a chunk extension's ';'",
         CHUNKED + b"\r\n1 ;a\r\na\r\n0\r\n\r\n",
         lambda ours, theirs, data: re.search(rb"\n[0-9A-Fa-f]+([ \t]+;|;[^\r]*[ \t])", data)),
    Rule("llhttp", "accepted", "RFC 9112 section 5: white space behind a value may be a tab",
         GET + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
         lambda ours, theirs, data: re.search(rb"(?i)\ntransfer-encoding:.*\t *\r\n", data)),
    Rule("llhttp", "accepted", "RFC 9112 section 6.3: lengths that agree are one",
         GET + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
         lambda ours, theirs, data: len(values(ours, b"content-length")) > 1),
    Rule("llhttp", "accepted", "RFC 9112 section 7.1.2: trailers may be discarded, whatever they say",
         CHUNKED + b"\r\n0\r\nContent-Length: x\r\n\r\n", trailer(b"transfer-encoding", b"content-length")),

    # requests that we refuse and they do not, under a condition
    Rule("llhttp", "refused: bare LF", "RFC 9112 section 3: HTTP/0.9 is no longer HTTP, however its line ends",
         b"GET /\n\r\n", lambda ours, theirs, data: theirs.minor is None),
    Rule("llhttp", "refused: coding not final", "RFC 9112 section 6.3, also where an upgrade is proposed",
         GET + b"Connection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: x\r\n\r\n",
         lambda ours, theirs, data: theirs.switches),
    Rule("h11", "refused: Host missing", "RFC 9112 section 3.2, in a later minor version too",
         b"GET / HTTP/1.2\r\n\r\n", lambda ours, theirs, data: theirs.minor not in (0, 1)),

    # requests that we read in another way
    Rule("h11", "minor", "RFC 9110 section 2.5: a later minor version is understood as the latest known",
         b"GET / HTTP/1.2\r\nHost: h\r\n\r\n", lambda ours, theirs, data: theirs.minor > 1 and ours.minor == 1),
    Rule("h11", "keep", "RFC 9112 section 9.3: HTTP/1.0 with keep-alive persists",
         b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", lambda ours, theirs, data: ours.minor == 0 and ours.keep),
    Rule("llhttp", "keep", "RFC 9112 section 9.3: of close and keep-alive, close decides",
         b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
         lambda ours, theirs, data: not ours.keep and b"close" in grammar.items(ours.fields, b"connection")),
    Rule("llhttp", "keep", "RFC 9112 appendix C.2.2: Proxy-Connection is not to be sent, and tells a server nothing",
         GET + b"Proxy-Connection: close\r\n\r\n", lambda ours, theirs, data: values(ours, b"proxy-connection")),
    Rule("llhttp", "keep", "RFC 9110 section 6.5.1: a trailer says nothing about the connection",
         CHUNKED + b"\r\n0\r\nConnection: close\r\n\r\n", trailer(b"connection", b"proxy-connection")),
    Rule("h11", "switches", "RFC 9110 sections 7.8 and 9.3.6: whether to switch is decided behind the parser",
         GET + b"Upgrade: x\r\n\r\n", proposes_upgrade),
    Rule("llhttp", "switches", "RFC 9110 sections 7.8 and 9.3.6: whether to switch is decided behind the parser",
         GET + b"Connection: upgrade\r\nUpgrade: x\r\n\r\n", proposes_upgrade),
]


def explains(peer, what, ours, theirs, data, faults):
    """The rules that say why, or none. Whoever lets a request pass must not mind any of its faults."""
    wanted = [f"refused: {fault}" for fault in faults or ["nothing"]] if what == "refused" else [what]
    found = []
    for what in wanted:
        if peer in TOLERATED.get(what.removeprefix("refused: "), ("", ""))[1].split():
            found.append(what)
            continue
        rules = (rule for rule in RULES if (rule.peer, rule.what) == (peer, what))
        rule = next((rule for rule in rules if rule.holds(ours, theirs, data[ours.start : ours.end])), None)
        if rule is None:
            return []
        found.append(rule)
    return found


def check(reader, data, splits=()):
    """All differences that the streams' readers have over `data`, as the rules that explain them."""
    ours, book = reader.read(data, splits), grammar.read(data)
    by_the_book(ours, book)
    explained = []
    for peer, read in READERS.items():
        for what, a, b in differences(ours, read(data)):
            faults = next((message.faults for message in book if message.start == a.start), set())
            why = explains(peer, what, a, b, data, faults)
            assert why, f"{peer}: {what}\ninput:  {data!r}\nfaults: {faults}\nours:   {a}\ntheirs: {b}"
            explained += why
    return explained


def by_the_book(ours, book):
    assert [message.refused for message in ours] == [message.refused for message in book], (ours, book)
    for a, b in zip(ours, book, strict=True):
        for aspect in ASPECTS if not b.refused else ():
            assert getattr(a, aspect) == getattr(b, aspect), (aspect, a, b)


@pytest.fixture(scope="module")
def reader(core):
    return CoreReader(core)


@settings(max_examples=LONG or 8000, derandomize=not LONG, database=None, deadline=None,
          suppress_health_check=list(HealthCheck))
@given(st.binary(min_size=150, max_size=150))
def test_every_difference_is_explained(reader, tape):
    check(reader, *stream(tape))


@pytest.mark.parametrize("fault", TOLERATED)
def test_every_tolerated_fault_is_found(reader, fault):
    """The example has that fault and no other, and exactly those whom the table names let it pass."""
    example, peers = TOLERATED[fault]
    ours = reader.read(example + TAIL)
    assert [message.faults for message in grammar.read(example + TAIL)][-1] == {fault}
    for peer, read in READERS.items():
        differ = [what for what, _, _ in differences(ours, read(example + TAIL))]
        assert differ == (["refused"] if peer in peers.split() else []), peer


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.peer}: {rule.why}")
def test_every_rule_is_needed(reader, rule):
    """Its example is explained by this rule."""
    assert rule in check(reader, rule.example + TAIL)
