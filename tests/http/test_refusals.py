"""Every row of docs/refusals.md: which tests prove it, and those that have no other place, for they take time.

In PROOFS, "core" are cases of tests/core/cases, which test_corpus.py sends over sockets too; "wire" are conversations
of tests/http/cases; "tests" are functions of tests/http that run on every target.
"""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import cases
import pytest
from core import cases as core
from programs import app_with, held, release, wait_until_alone

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs/refusals.md"


@dataclass
class Proof:
    core: list = field(default_factory=list)
    wire: list = field(default_factory=list)
    tests: list = field(default_factory=list)
    why_no_core: str = ""


NO_TIME = "the core knows no time"
NO_CONNECTIONS = "the core knows no connections"
NO_PROGRAM = "the core knows no programs"

PROOFS = {
    "malformed request line, header without colon, space before the colon, obs-fold, bare CR or LF, NUL or control "
    "characters, bad percent-encoding": Proof(
        core=["request-line: Two spaces after the method", "request-line: No method", "request-line: HTTP/0.9",
              "fields: No colon", "fields: White space before the colon", "fields: A folded line",
              "request-line: A bare LF", "request-line: A bare CR", "fields: values", "targets: percent-encoding",
              "answers: NUL, encoded controls", "answers: Every row of malformed heads"],
        wire=["request_line: Two spaces after the method", "request_line: HTTP/0.9, the simple request",
              "fields: No colon", "fields: A space before the colon", "fields: A folded line",
              "fields: A bare LF after a value", "fields: A bare CR in a value", "fields: NUL in a value",
              "fields: A control character in a value", "targets: Percent and one digit", "targets: An encoded NUL"]),
    "HTTP/1.1 without Host, two Hosts, an invalid Host": Proof(
        core=["host: None", "host: Two that agree", "host: Two that differ",
              "smuggling: Two Hosts, however they are hidden"],
        wire=["fields: No Host", "fields: Two Hosts that agree", "fields: Two Hosts that differ",
              "fields: A Host with a space", "fields: A Host whose port is no number"]),
    "Content-Length with anything but digits, overflow, two that differ; with Transfer-Encoding; Transfer-Encoding in "
    "1.0 or not ending in chunked; malformed chunks": Proof(
        core=["content-length: Signs, bases, fractions, exponents, units, quotes",
              "content-length: One more, and ten times as much", "content-length: That differ",
              "transfer-encoding: Content-Length, before and after, of any value", "transfer-encoding: HTTP/1.0",
              "transfer-encoding: Something after chunked", "chunked: Not hexadecimal", "chunked: One more"],
        wire=["bodies: A length with a letter", "bodies: A length beyond 32 bits", "bodies: Two lengths that differ",
              "bodies: Chunked and a length", "bodies: Chunked in HTTP/1.0", "bodies: Another coding alone",
              "bodies: Chunked is not last", "chunked: A size that is no number", "chunked: A size beyond 32 bits",
              "chunked: Malformed in a body that is read by the piece"]),
    "unknown transfer coding before chunked": Proof(
        core=["transfer-encoding: unknown codings that end in chunked", "answers: An unknown transfer coding"],
        wire=["bodies: Another coding before chunked", "bodies: Identity before chunked"]),
    "a method no route knows": Proof(
        core=["answers: 501: a method that no route knows, wherever"],
        wire=["request_line: A method that no route knows", "request_line: Methods have their case",
              "request_line: CONNECT is not for servers"]),
    "a known path with another method": Proof(
        core=["answers: 405, with Allow", "answers: What fits the path in any way"],
        wire=["methods: 405 of a path with GET", "methods: 405 of a path without GET",
              "methods: 405 of a path with a method of its own"]),
    "request target too long; head or header count too large; body over the limit": Proof(
        core=["answers: 505, 417, 414, 431"],
        wire=["limits: A target above its limit", "limits: A head above its limit", "limits: One field too many",
              "limits: A body above its limit is refused before it is sent", "limits: A chunked body above its limit",
              "small_limits: A target above its limit", "small_limits: Five fields",
              "small_limits: A head of 257 bytes", "small_limits: A body of eleven bytes"],
        why_no_core="413: the core does not bound bodies"),
    "version other than 1.x": Proof(
        core=["version: Later and earlier versions", "version: HTTP/2 begins like this"],
        wire=["request_line: HTTP/2.0", "request_line: HTTP/0.9 by its number"]),
    "`*` with a method other than OPTIONS; an absolute target of https": Proof(
        wire=["request_line: An asterisk for a method that is not OPTIONS", "request_line: Absolute form of https"],
        tests=["test_rfc: test_targets_that_are_refused"],
        why_no_core="the core knows neither TLS nor which methods have a route"),
    "`Expect` other than 100-continue": Proof(
        core=["expect: Anything else is not met", "expect: Anything else beside it"],
        wire=["expect: Anything else is expected in vain", "expect: One of two expectations is not known"]),
    "head or body that does not arrive in time (one deadline for the whole head, not per byte)": Proof(
        why_no_core=NO_TIME,
        tests=["test_refusals: test_head_and_body_that_stop", "test_refusals: test_head_that_drips",
               "test_refusals: test_body_that_stops_while_it_is_read",
               "test_refusals: test_body_that_nobody_wanted_and_that_does_not_come"]),
    "idle keep-alive past its time, or a connection that never sent a byte": Proof(
        why_no_core=NO_TIME, tests=["test_refusals: test_idle_connections_are_closed_silently"]),
    "request that Python does not fetch in time": Proof(
        why_no_core=NO_TIME, tests=["test_lifecycle: test_requests_that_no_one_polls_get_503"]),
    "more connections than the pool": Proof(
        why_no_core=NO_CONNECTIONS,
        tests=["test_refusals: test_full_pool_is_503", "test_refusals: test_longest_idle_makes_room",
               "test_full_pool: test_a_client_that_keeps_us_waiting_makes_room"]),
    "`..`, `%2e%2e`, `%00`, backslashes, absolute paths to files": Proof(
        core=["answers: Dot segments that end within the root", "answers: what must not reach a file outside its root",
              "answers: NUL, encoded controls", "answers: A backslash is a character like others",
              "answers: An absolute path in a path"],
        wire=["targets: Above the root", "targets: Above the root, encoded",
              "targets: Above the root after going down", "targets: Two dots at the end", "targets: An encoded NUL"]),
    "handler raises": Proof(
        why_no_core=NO_PROGRAM,
        wire=["answers: A handler that raises", "bodies: A handler that raises with the body unread"],
        tests=["test_answers: test_raise_is_a_500_with_the_traceback_on_the_console_only",
               "test_refusals: test_debug_shows_the_traceback_in_the_page"]),
    "client gone while the handler writes": Proof(
        why_no_core=NO_PROGRAM, tests=["test_refusals: test_client_gone_while_the_handler_writes"]),
    "lwIP out of memory": Proof(
        why_no_core="the core needs no memory", tests=["test_refusals: test_more_answers_than_memory_for_them"]),
    "programming errors: bad route pattern, duplicate route; wrong type returned": Proof(
        why_no_core=NO_PROGRAM,
        wire=["answers: A handler that returns what is no answer"],
        tests=["test_lifecycle: test_bad_arguments_name_themselves",
               "test_answers: test_object_is_a_500_that_names_the_type"]),
}


# ---- the table


def rows():
    """{input: answer}"""
    lines = [line.strip("| \n").split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    return dict(lines[1:])


def row_statuses(answer):
    return {int(status) for status in re.findall(r"\b\d{3}\b", answer)}


def core_statuses(name):
    """What the cases of this name get, at the last of their requests."""
    found = [case for case in core.all_cases() if f"{case.chapter}: {case.name}" == name]
    assert found, f"there is no case {name} in tests/core/cases"
    return {int(case.expected[-1].split()[0]) for case in found if case.expected[-1].split()[0].isdigit()}


def wire_statuses(name):
    file, title = name.split(": ", 1)
    found = [case for case in cases.read_cases(f"{file}.txt")[1] if case.title == title]
    assert len(found) == 1, f"there is no case {name} in tests/http/cases, or more than one"
    return {step.status for step in found[0].steps if isinstance(step, cases.Expected)}


def test_every_row_has_a_proof():
    assert list(rows()) == list(PROOFS)


@pytest.mark.parametrize("row", PROOFS, ids=lambda row: row[:30])
def test_proofs_are_there(row):
    """Each case gets what its row says, and each status of the row is shown, on the core and on the wire."""
    proof, statuses = PROOFS[row], row_statuses(rows()[row])
    assert proof.core or proof.why_no_core
    assert proof.wire or proof.tests
    shown = {}
    for kind, names, of in (("core", proof.core, core_statuses), ("wire", proof.wire, wire_statuses)):
        each = [(name, of(name)) for name in names]
        assert all(found & statuses or (kind == "core" and not statuses - {400, 404}) for _, found in each), each
        shown[kind] = set().union(*(found for _, found in each)) & statuses
    assert not proof.core or statuses - shown["core"] <= {413}
    assert not proof.wire or proof.tests or shown["wire"] == statuses
    for name in proof.tests:
        module, function = name.split(": ")
        source = (HERE / f"{module}.py").read_text()
        assert re.search(rf"^def {function}\((server|start|program)\b", source, re.MULTILINE), name


# ---- rows that take time


HASTY = app_with("Server(head_timeout=1, progress_timeout=1, idle_timeout=2)")


def read_final(wire, status):
    """The connection's last answer, and its end."""
    answer = cases.read_answer(wire.makefile("rb"))
    assert answer.status == status, answer
    assert answer.value("connection") == "close"
    assert wire.rest() == b""


def test_head_and_body_that_stop(program):
    server = program(HASTY)
    post = b"POST /echo HTTP/1.1\r\nHost: t\r\n"
    beginnings = [b"GET / HT", b"GET / HTTP/1.1\r\nHost: t\r\n", b"\r\n",
                  post + b"Content-Length: 9\r\n\r\n", post + b"Content-Length: 9\r\n\r\nsome",
                  post + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"]
    wires = [server.wire() for _ in beginnings]
    for wire, beginning in zip(wires, beginnings, strict=True):
        wire.send(beginning)
    for wire in wires:
        read_final(wire, 408)
        wire.socket.close()


def test_head_that_drips(program):
    """One deadline for the whole head: bytes that come now and then do not put it off."""
    server = program(HASTY)
    with server.wire() as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: t\r\nX: ")
        wire.socket.settimeout(0.2)
        until = time.monotonic() + server.patience
        while time.monotonic() < until:
            wire.send(b"x")
            try:
                wire.socket.recv(1, 2)  # MSG_PEEK
                break
            except TimeoutError:
                continue
        wire.socket.settimeout(server.patience)
        read_final(wire, 408)


def test_body_that_stops_while_it_is_read(program):
    """It is larger than what is gathered: the handler is reading it, and need not know of 408."""
    with program(HASTY).wire() as wire:
        wire.send(b"POST /length HTTP/1.1\r\nHost: t\r\nContent-Length: 20000\r\n\r\n" + b"x" * 7000)
        read_final(wire, 408)


def test_body_that_nobody_wanted_and_that_does_not_come(program):
    """Its request has been answered: the connection ends, without a RST that might destroy the answer."""
    with program(HASTY).wire() as wire:
        wire.send(b"POST /nothing HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n")
        time.sleep(0.1)
        assert cases.read_answer(wire.makefile("rb")).status == 404
        assert wire.rest() == b""


def test_idle_connections_are_closed_silently(program):
    server = program(HASTY)
    with server.wire() as fresh, server.wire() as used:
        used.get("/str")
        assert cases.read_answer(used.makefile("rb")).status == 200
        assert fresh.rest() == b""
        assert used.rest() == b""


# ---- rows about the pool


CROWDED = app_with("Server(max_connections=2)")


def test_full_pool_is_503(program):
    """Connections whose turn it is not make no room: one whose handler is at work, one that waits for Python."""
    server = program(CROWDED)
    wait_until_alone(server)
    with held(server) as (first, second):
        time.sleep(0.5)  # until the second has come too: nobody tells, while Python is with the first
        with server.wire() as third:
            answer = cases.read_answer(third.makefile("rb"))
            assert (answer.status, answer.value("retry-after"), answer.value("connection")) == (503, "1", "close")
            assert third.rest() == b""
        release(first)
        for wire in (first, second):
            assert cases.read_answer(wire.makefile("rb")).status == 200


def test_longest_idle_makes_room(program):
    server = program(CROWDED)
    wait_until_alone(server)
    with server.wire() as longest, server.wire() as other:
        for wire in (longest, other):
            wire.get("/str")
            assert cases.read_answer(wire.makefile("rb")).status == 200
            time.sleep(0.3)
        time.sleep(1.5 if server.target != "rp2040" else 6)  # it is spared for a second of the board's own
        with server.wire() as newcomer:
            newcomer.get("/str")
            assert cases.read_answer(newcomer.makefile("rb")).status == 200
            assert longest.rest() == b"", "it has made room, silently"
            other.get("/str")
            assert cases.read_answer(other.makefile("rb")).status == 200


# ---- rows about handlers


def test_debug_shows_the_traceback_in_the_page(program):
    answer = program(app_with("Server(debug=True)")).get("/raise")
    assert answer.status_code == 500
    assert "Traceback" in answer.text
    assert "in raise_value_error" in answer.text
    assert "ValueError: the handler's own words" in answer.text


GONE = """
import errno
import gc
import _modhttp
import modhttp
app = modhttp.Server()

def write(request):
    try:
        while True:
            request.write(b"x" * 1000)
    except OSError as error:
        print("caught", errno.errorcode[error.errno])
        raise

@app.get("/write")
def write_without_end(request):
    request.begin(200, "text/plain")
    write(request)

@app.get("/state")
def state(request):
    gc.collect()
    return {"free": gc.mem_free(), "pcbs": _modhttp.pcbs(), "stats": app.stats()}

app.run(port=80)
"""


def test_client_gone_while_the_handler_writes(program):
    server = program(GONE)
    before = wait_until_alone(server)
    for number in range(1, 4):
        wire = server.wire()
        wire.get("/write")
        assert wire.socket.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
        wire.vanish()
        server.wait_for("caught ECONNRESET\n" * number)
    after = wait_until_alone(server)
    assert after["pcbs"][:2] == before["pcbs"][:2]
    assert after["stats"]["resets"] == before["stats"]["resets"] + 3
    assert after["stats"]["head_buffers_free"] == before["stats"]["head_buffers_free"]
    assert before["free"] - after["free"] < 512, "what the heap lost, in bytes"
    assert "Traceback" not in server.console, "there is nobody to answer, and nothing to report"


def test_more_answers_than_memory_for_them(server):
    """Eight answers at once want more of lwIP's memory than a board has: each waits its turn, and arrives whole."""
    wires = [server.wire() for _ in range(8)]
    for wire in wires:
        wire.get("/stream/40")
    for wire in wires:
        answer = cases.read_answer(wire.makefile("rb"))
        assert (answer.status, answer.body) == (200, b"0123456789abcdef" * 64 * 40)
        wire.socket.close()
