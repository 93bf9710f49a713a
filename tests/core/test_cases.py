"""The corpus (tests/core/cases/): each case in every way a network may bring it, at the edge of what is readable."""

import os
from collections import Counter, defaultdict
from functools import cache

import pytest

from .cases import CLASSES, BadCase, all_cases, byte_set, unescape
from .native import COVERAGE
from .test_router import Router
from .test_uri import decode, is_plain, pairs, split

CASES = all_cases()
FLAGS = ("keep-alive", "chunked", "length", "expect", "upgrade", "escaped", "host")
INTO_THREE_MAX = 0 if COVERAGE in os.environ else 200  # bytes; for gcov, two pieces tell all
MORE, HEAD_DONE, BODY_DONE, BROKEN = 0, 1, 2, -1
PARSERS = {"head": 0, "chunked": 1, "requests": 2}
ROUTING = {"FOUND": "200", "NOT_FOUND": "404", "NOT_ALLOWED": "405", "OPTIONS": "204", "NOT_IMPLEMENTED": "501"}


class Feeder:
    """tests/core/splits.c for one case."""

    def __init__(self, core, kind, limits):
        self.core, self.ffi, self.lib = core, core.ffi, core.lib
        self.parser = PARSERS[kind]
        self.limits = core.ffi.new("mh_limits_t *", limits)
        self.log = core.ffi.new("splits_log_t *")

    def run(self, data, ends=(), at_begin=False):
        """(events, the bodies' bytes)"""
        places = self.ffi.new("size_t[]", list(ends))
        self.lib.splits_run(self.parser, self.limits, data, len(data), places, len(ends), at_begin, self.log)
        events = [self.event(data, self.log.events[i]) for i in range(self.log.events_len)]
        return events, self.core.bytes(self.log.data, self.log.data_len)

    def event(self, data, event):
        """(result, bytes used by then, bytes of bodies by then, what the head says)"""
        head = None
        if event.result == HEAD_DONE:
            head = self.describe(data[event.at - event.head.len : event.at], event.head)
        return event.result, event.at, event.data_len, head

    def describe(self, text, head):
        flags = {name for bit, name in enumerate(FLAGS) if head.flags >> bit & 1}
        fields = self.fields(text, head.fields)
        assert self.fields(text, head.fields, at_begin=True) == fields
        return {
            "method": text[head.method.at :][: head.method.len],
            "id": b"%d" % head.method_id,
            "target": text[head.target.at :][: head.target.len],
            "minor": b"%d" % head.minor,
            "flags": ",".join(sorted(flags | ({"?"} if head.flags >> len(FLAGS) else set()))).encode(),
            "length": b"%d" % head.length,
            "count": b"%d" % len(fields),
            "fields": b"|".join(name + b":" + value for name, value in fields),
        }

    def fields(self, text, first, at_begin=False):
        at, field, found = self.ffi.new("uint16_t *", first), self.ffi.new("mh_field_t *"), []
        start = self.core.input.put(text, at_begin)
        while self.lib.mh_field_next(start, at, field):
            found.append((self.core.bytes(field.name, field.name_len), self.core.bytes(field.value, field.value_len)))
        return found

    def try_all(self, data):
        """Hold all ways to bring the data against the whole."""
        of, at, to, at_begin = (self.ffi.new(kind) for kind in ("size_t *", "size_t *", "size_t *", "bool *"))
        three = len(data) <= INTO_THREE_MAX
        good = self.lib.splits_try(self.parser, self.limits, data, len(data), three, of, at, to, at_begin)
        if good != of[0]:
            byte_by_byte = at[0] > len(data)
            ends = list(range(len(data))) if byte_by_byte else [at[0], to[0]]
            assert self.run(data, ends, at_begin[0]) == self.run(data), f"split at {ends}"
            raise AssertionError(f"{of[0] - good} of {of[0]} ways give something else, but not now: {ends}")
        assert good >= 2 * (len(data) + 2)


def check(seen, expected):
    """Hold what is expected against what is seen: only what is named is compared."""
    for key, value in expected.values.items():
        if key == "flags":
            value = b",".join(sorted(filter(None, value.split(b","))))
        assert seen[key] == value, key


def outcome_of(events, data, total):
    """The events as results with their values, as a case names them: a head and its complete body are one "ok"."""
    outcome, begun, taken = [], None, 0
    for result, at, data_len, head in events:
        here = {"data": data[taken:data_len], "rest": b"%d" % (total - at)}
        if result == HEAD_DONE:
            begun = head
            outcome.append(("begun", head | here))
            continue
        name = {MORE: "more", BODY_DONE: "ok", BROKEN: "broken"}.get(result, str(-result))
        if result == BODY_DONE and begun:
            outcome.pop()
        outcome.append((name, (begun if result == BODY_DONE and begun else {}) | here))
        begun, taken = None, data_len
    return outcome


def check_parser(feeder, case, variant):
    outcome = outcome_of(*feeder.run(variant.data), len(variant.data))
    if case.kind == "head":
        outcome = [("ok" if name == "begun" else name, values) for name, values in outcome]
    assert [name for name, _ in outcome] == [expected.result for expected in variant.expected]
    for (_, values), expected in zip(outcome, variant.expected, strict=True):
        if case.kind != "head" and expected.result == "ok":
            assert values["data"] == expected.values.get("data", b"")
        check(values, expected)
    feeder.try_all(variant.data)


def check_target(core, _, data, expected):
    seen = split(core, data)
    assert split(core, data, at_begin=True) == seen
    if expected.result == "400":
        assert seen == 400
    else:
        assert (expected.result, seen) == ("ok", (expected.values["path"], expected.values.get("query")))


def check_authority(core, _, data, expected):
    for at_begin in (False, True):
        seen = core.lib.mh_authority_ok(core.input.put(data, at_begin), len(data))
        assert seen == {"ok": True, "400": False}[expected.result]


def check_path(core, _, data, expected):
    seen = decode(core, data)
    assert decode(core, data, at_begin=True) == seen
    assert (seen == 400) == (expected.result == "400")
    assert seen == expected.values.get("path", seen)
    # A plain path is what it is decoded to; controls are for the head's parser to refuse.
    assert is_plain(core, data) == is_plain(core, data, at_begin=True)
    assert seen in (data, 400) if is_plain(core, data) else seen != data


def check_query(core, _, data, expected):
    assert expected.result == "ok"
    seen = pairs(core, data)
    assert pairs(core, data, at_begin=True) == seen
    check({"pairs": b"|".join(key + b":" + value for key, value in seen)}, expected)


@cache
def router_of(core, routes):
    return Router(core, [tuple(route.split(" ")) for route in routes])


def check_answer(core, case, data, expected):
    """What a connection does with a head before any program hears of it: the same steps as net/request.c."""
    events, _ = Feeder(core, "head", case.limits).run(data)
    result, head = events[0][0], events[0][3]
    if result == HEAD_DONE:
        target = split(core, head["target"])
        path = target if target == 400 else decode(core, target[0])
        if path == 400:
            result = -400
    if result < 0:
        assert (str(-result), {}) == (expected.result, expected.values)
        return
    assert result == HEAD_DONE
    found, handler, captures, allow = router_of(core, case.options).find(head["method"], path)
    names = [getattr(core.lib, f"MH_ROUTE_{name}") for name in ROUTING]
    seen = {
        "route": b"%d" % handler if handler is not None else None,
        "captured": b",".join(text.encode("latin-1") for text, _ in captures or ()),
        "allow": (allow or "").encode(),
    }
    assert list(ROUTING.values())[names.index(found)] == expected.result
    check(seen, expected)


CHECKS = {
    "target": check_target,
    "authority": check_authority,
    "path": check_path,
    "query": check_query,
    "answer": check_answer,
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(core, case):
    feeder = Feeder(core, case.kind, case.limits) if case.kind in PARSERS else None
    for variant in case.variants():
        try:
            if feeder:
                check_parser(feeder, case, variant)
            else:
                CHECKS[case.kind](core, case, variant.data, *variant.expected)
        except AssertionError as failure:
            failure.add_note(f"{case}: {variant.data[:400]!r}, expected {variant.expected}")
            raise


# --- the corpus itself ---


def test_every_byte_at_every_place():
    """Where a case tells of some bytes at a place, the chapter tells of all 256, each once."""
    places = defaultdict(list)
    for case in CASES:
        for rest, chosen in case.sets():
            places[case.chapter, case.kind, case.options, rest].append((case, chosen))
    assert len(places) > 40
    for (_, _, _, rest), told in places.items():
        count = Counter(byte for _, chosen in told for byte in chosen)
        wrong = [value for value in range(256) if count[bytes([value])] != 1]
        assert not wrong, f"{told[0][0]}: {rest}: missing or twice: {bytes(wrong)}"


def test_no_case_twice():
    seen = {}
    for case in CASES:
        same = (case.kind, case.options, case.text)
        assert same not in seen, f"{case} and {seen[same]}"
        seen[same] = case


def test_enough():
    assert len(CASES) >= 400


@pytest.mark.parametrize("text", [rb"\q", rb"\x4", rb"\{a}", rb"\[nobody]", rb"\[a -b]", b"\\"])
def test_malformed_escapes(text):
    with pytest.raises(BadCase):
        unescape(text)


def test_sets():
    assert b"".join(byte_set(rb"any -CTL -\x20 -VCHAR -obs-text")) == b""
    assert b"".join(byte_set(rb"DIGIT -1 - :")) == b"-0" b"23456789:"
    assert set(byte_set(b"value -SP -HTAB")) == {bytes([c]) for c in CLASSES["VCHAR"] + CLASSES["obs-text"]}
