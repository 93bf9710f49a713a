"""The core's corpus (tests/core/cases) on the wire: what the core says of some bytes, as what a server must answer.

A status of the core is the answer's, and the connection's end. What the core accepts is not refused: the program that
answers (PROGRAM) takes any path, and sends back what it was sent.
"""

import re
from urllib.parse import unquote_to_bytes

import cases
from core import cases as core

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

PROGRAM = f"""
import modhttp
app = modhttp.Server()

@app.route("/", methods={METHODS})
@app.route("/<path:rest>", methods={METHODS})
def echo(request, rest=None):
    return request.body, 200, {{"X-Target": request.target}}

app.run(port=80)
"""

ROUTES = """
import modhttp
app = modhttp.Server()

def handler(number):
    def handle(request, *captured):
        return "%d %s" % (number, ",".join(str(value) for value in captured))
    return handle

for number, route in enumerate({routes}):
    method, path = route.split()
    app.route(path, methods=(method,))(handler(number))

app.run(port=80)
"""

MAX_BODY = 16384
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = re.compile(rb"(?:\r\n)*([^ ]*) ([^ ]*).*?\r\n\r\n", re.DOTALL)
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
CODED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)

DEFAULTS = (2048, 1024, 32)  # the limits of a Server to which nothing is said


def runs(case):
    """Whether a case is one for a server as it is: the others are of other limits, or of less than a request."""
    return case.kind in ("answer", "chunked", "head", "requests") and case.limits == DEFAULTS


def program(case):
    return ROUTES.format(routes=case.options) if case.kind == "answer" else PROGRAM


def sample(case, count, offset):
    """At most so many of a case's variants, from all over it, others for other offsets."""
    variants = list(case.variants())
    step = max(1, -(-len(variants) // count))
    return variants[offset % step :: step]


# ---- what the program answers to what the core accepts


def is_served(path):
    """Whether a path is one to a Python handler: it stays below its root, and is UTF-8."""
    decoded = unquote_to_bytes(path)
    depth = 0
    for segment in decoded.split(b"/")[1:]:
        depth += {b"..": -1, b".": 0}.get(segment, 1)
        if depth < 0:
            return False
    try:
        decoded.decode()
    except UnicodeDecodeError:
        return False
    return not any(byte < 32 or byte == 127 for byte in decoded)


def statuses(method, target):
    """What a request that the core accepts may get."""
    if method == b"CONNECT":
        return {501}
    path = target.partition(b"?")[0]
    if path == b"*":
        return {204, 400, 501}
    if not path.startswith(b"/"):
        return {200, 204, 400, 421, 501}  # by its scheme and authority: @target tells more
    if not is_served(path):
        return {400, 501}
    if method == b"OPTIONS":
        return {204}
    return {200} if method.decode() in (*METHODS, "HEAD") else {501}


def with_body(data):
    """A head that the core accepts, with a body: (bytes, whether the body is too long to be sent)."""
    head = HEAD.match(data)[0]
    length = LENGTH.search(head)
    if CODED.search(head):
        return head + b"0\r\n\r\n", False
    if length and int(length[1]):
        return (head, True) if int(length[1]) > MAX_BODY else (head + b"x" * int(length[1]), False)
    return data, False


# ---- conversations


def final_answer(wire, to_head=False):
    """The next answer that is not an interim one."""
    while (answer := cases.read_answer(wire.makefile("rb"), to_head)).status < 200:
        pass
    return answer


def begins_with_head(data):
    return data.lstrip(b"\r\n").startswith(b"HEAD ")


def refused(server, data, status, apart):
    """A conversation that ends with this status and in order."""
    steps = [data, cases.Expected(status, begins_with_head(data))]
    cases.play(cases.Case("corpus", "", 0, steps, "closed"), server, apart)


def unfinished(server, data, apart):
    """A head that never ends, then FIN: there is nobody to answer."""
    cases.play(cases.Case("corpus", "", 0, [data, "end"], "closed"), server, apart)


def play_head(server, variant, apart):
    expected = variant.expected[0]
    if expected.result == "more":
        unfinished(server, variant.data, apart)
    elif expected.result == "ok":
        data, too_long = with_body(variant.data)
        method, target = HEAD.match(variant.data).groups()
        with server.wire() as wire:
            cases.send(wire, data, apart)
            answer = final_answer(wire, method == b"HEAD")
        assert answer.status in (statuses(method, target) | ({413} if too_long else set())), answer
        if answer.status == 200:
            assert answer.value("x-target").encode("latin-1") == target
    else:
        refused(server, variant.data, int(expected.result), apart)


def play_chunked(server, variant, apart):
    expected, data = variant.expected[0], CHUNKED + variant.data
    if expected.result == "400":
        refused(server, data, 400, apart)
        return
    with server.wire() as wire:
        cases.send(wire, data, apart)
        if expected.result == "more":
            wire.end()
        answer = final_answer(wire)
    if expected.result == "more":
        assert answer.status in (400, 413), answer
    else:
        assert (answer.status, answer.body) == (200, expected.values.get("data", b"")), answer


def play_requests(server, variant, apart):
    with server.wire() as wire:
        cases.send(wire, variant.data, apart)
        wire.end()
        for expected in variant.expected:
            if expected.result == "more":
                break
            answer = final_answer(wire, expected.values.get("method") == b"HEAD")
            check_request(expected, answer)
            if answer.value("connection") == "close":
                break
        assert wire.rest() == b"", "more came than was expected"


def check_request(expected, answer):
    if expected.result == "ok":
        assert answer.status not in (400, 414, 417, 431, 505), answer
        if answer.status == 200 and expected.values.get("method") != b"HEAD":
            target = answer.value("x-target").encode("latin-1")
            assert target == expected.values.get("target", target)
            assert answer.body == expected.values.get("data", b"")
    else:
        assert answer.status == (400 if expected.result == "begun" else int(expected.result)), answer


def play_answer(server, variant, apart):
    expected = variant.expected[0]
    status, values = int(expected.result), expected.values
    if status == 404 and HEAD.match(variant.data)[2] == b"*":
        status = 400  # no path that nothing is at, but no target for this method
    if status not in (200, 204, 404, 405) and not (status == 501 and not CODED.search(variant.data)):
        refused(server, variant.data, status, apart)
        return
    with server.wire() as wire:
        cases.send(wire, variant.data, apart)
        answer = final_answer(wire, begins_with_head(variant.data))
    assert answer.status == status, answer
    if status == 200 and not begins_with_head(variant.data):
        assert answer.body == values["route"] + b" " + values.get("captured", b"")
    if "allow" in values:
        assert answer.value("allow").encode() == values["allow"]


PLAYERS = {"answer": play_answer, "chunked": play_chunked, "head": play_head, "requests": play_requests}


def play(case, variant, server, apart=False):
    PLAYERS[case.kind](server, variant, apart)


def all_cases():
    return [case for case in core.all_cases() if runs(case)]
