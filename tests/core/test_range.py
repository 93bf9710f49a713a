"""Ranges and conditions, against references written another way."""

import itertools
import re
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .test_answer import EPOCH
from .test_head import LIMITS

RANGES_MAX = 8
GAP = 80
SPEC = re.compile(r"(\d*)-(\d*)")
U32 = 2**32 - 1


def ranges(core, value, size, at_begin=False):
    found = core.ffi.new("mh_range_t[]", RANGES_MAX)
    data = value.encode("latin-1")
    count = core.lib.mh_ranges_read(core.input.put(data, at_begin), len(data), size, found)
    return count if count <= 0 else [(found[i].at, found[i].len) for i in range(count)]


def union(pieces):
    """Ranges as a reader of RFC 9110 would join them: any two that are near, again and again; the first one's place."""
    pieces = [(at, at + length) for at, length in pieces]

    def near():
        return next(((i, j) for i, j in itertools.combinations(range(len(pieces)), 2)
                     if max(pieces[i][0], pieces[j][0]) - min(pieces[i][1], pieces[j][1]) < GAP), None)

    while found := near():
        other = pieces.pop(found[1])
        pieces[found[0]] = min(pieces[found[0]][0], other[0]), max(pieces[found[0]][1], other[1])
    return [(begin, end - begin) for begin, end in pieces]


def expected_ranges(value, size):
    unit, equals, specs = value.partition("=")
    specs = [spec.strip(" \t") for spec in specs.split(",")]
    specs = [SPEC.fullmatch(spec) for spec in specs if spec]
    if not size or unit.lower() != "bytes" or not equals or not specs or len(specs) > RANGES_MAX or not all(specs):
        return 0
    found = []
    for spec in specs:
        first, last = (min(int(digits), U32) if digits else None for digits in spec.groups())
        if (first is None and last is None) or (first is not None and last is not None and last < first):
            return 0
        if first is None:
            first, last = size - min(last, size), size - 1 if last else -1
        last = size - 1 if last is None else min(last, size - 1)
        if first <= last:
            found.append((first, last - first + 1))
    return union(found) or -416


@pytest.mark.parametrize(("value", "size", "expected"), [
    ("bytes=0-0", 1000, [(0, 1)]), ("bytes=0-", 1000, [(0, 1000)]), ("bytes=999-", 1000, [(999, 1)]),
    ("bytes=1000-", 1000, -416), ("bytes=-1", 1000, [(999, 1)]), ("bytes=-1000", 1000, [(0, 1000)]),
    ("bytes=-5000", 1000, [(0, 1000)]), ("bytes=-0", 1000, -416), ("bytes=-0,5-6", 1000, [(5, 2)]),
    ("bytes=500-5000", 1000, [(500, 500)]), ("BYTES=1-2", 1000, [(1, 2)]), ("bytes=007-8", 1000, [(7, 2)]),
    ("bytes=5-4", 1000, 0), ("bytes=", 1000, 0), ("bytes=,", 1000, 0), ("bytes", 1000, 0), ("bytes:1-2", 1000, 0),
    ("lines=1-2", 1000, 0), ("bytes=-", 1000, 0), ("bytes=1", 1000, 0), ("bytes=1-2x", 1000, 0),
    ("bytes=x-2", 1000, 0),
    ("bytes=1-2 3-4", 1000, 0), ("bytes=+1-2", 1000, 0), ("bytes=1--2", 1000, 0),
    ("bytes= 1-2 ,\t,900-", 1000, [(1, 2), (900, 100)]),
    ("bytes=0-0", 0, 0), ("bytes=-1", 0, 0), ("bytes =1-2", 1000, 0), ("", 1000, 0),
    # near and far
    ("bytes=0-9,10-19", 1000, [(0, 20)]), ("bytes=0-9,89-99", 1000, [(0, 100)]),
    ("bytes=0-9,90-99", 1000, [(0, 10), (90, 10)]),
    ("bytes=500-599,0-99", 1000, [(500, 100), (0, 100)]), ("bytes=500-599,0-99,90-510", 1000, [(0, 600)]),
    ("bytes=0-,0-,0-,0-,0-,0-,0-,0-", 1000, [(0, 1000)]), ("bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-", 1000, 0),
    ("bytes=300-310,0-10,600-610,150-160,200-250", 1000, [(150, 161), (0, 11), (600, 11)]),
    ("bytes=2000-,3000-,5-9", 1000, [(5, 5)]), ("bytes=2000-,3000-", 1000, -416),
    # numbers of any length
    ("bytes=4294967293-4294967293", U32 - 1, [(U32 - 2, 1)]), ("bytes=4294967294-", U32 - 1, -416),
    ("bytes=0-4294967295", U32 - 1, [(0, U32 - 1)]), ("bytes=0-99999999999999999999", 5, [(0, 5)]),
    ("bytes=4294967296-", 1000, -416), ("bytes=-99999999999999999999", 5, [(0, 5)]),
    ("bytes=0-9,4294967200-", U32 - 1, [(0, 10), (4294967200, 94)]),
])
def test_ranges(core, value, size, expected):
    assert ranges(core, value, size) == ranges(core, value, size, at_begin=True) == expected
    assert expected_ranges(value, size) == expected


PIECES = [
    *"0123456789", "-", "-", "-", ",", ",", ", ", " ", "\t", "50", "300", "999", "4294967295", "x", "=", "120-130",
]


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join), st.sampled_from([0, 1, 50, 1000, U32 - 1]))
def test_any_ranges(core, specs, size):
    assert ranges(core, "bytes=" + specs, size) == expected_ranges("bytes=" + specs, size)


@given(st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 300)), min_size=1, max_size=9))
def test_many_ranges(core, asked):
    value = "bytes=" + ",".join(f"{first}-{first + more}" for first, more in asked)
    found = ranges(core, value, 1000)
    assert found == expected_ranges(value, 1000)
    if isinstance(found, list):
        assert sum(length for _, length in found) <= 1000


# ---- dates

NOW = 1767225600  # 2026-01-01


def date(core, text, now=NOW, at_begin=False):
    seconds = core.ffi.new("uint64_t *")
    data = text.encode("latin-1")
    return seconds[0] if core.lib.mh_date_read(core.input.put(data, at_begin), len(data), now, seconds) else None


FORMATS = "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b {day:2} %H:%M:%S %Y"


def written(moment, style):
    return moment.strftime(FORMATS[style].format(day=moment.day))


@pytest.mark.parametrize(("text", "expected"), [
    ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
    ("Sun Nov  6 08:49:37 1994", 784111777), ("Sun Nov 16 08:49:37 1994", 784975777),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Wed, 31 Dec 1969 23:59:59 GMT", 0), ("Sat, 01 Jan 0000 00:00:00 GMT", 0),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 253402300799), ("Thu, 29 Feb 2024 00:00:00 GMT", 1709164800),
    ("Thu, 31 Dec 1998 23:59:60 GMT", 915148800), ("Mon, 06 Nov 1994 08:49:37 GMT", 784111777),
    # days that there are not
    ("Thu, 29 Feb 2023 00:00:00 GMT", None), ("Thu, 29 Feb 1900 00:00:00 GMT", None),
    ("Tue, 29 Feb 2000 00:00:00 GMT", 951782400), ("Tue, 30 Feb 2000 00:00:00 GMT", None),
    ("Tue, 00 Jan 2000 00:00:00 GMT", None), ("Tue, 32 Jan 2000 00:00:00 GMT", None),
    ("Tue, 31 Apr 2000 00:00:00 GMT", None), ("Tue, 30 Apr 2000 00:00:00 GMT", 957052800),
    ("Tue, 31 Jul 2000 00:00:00 GMT", 965001600), ("Tue, 31 Aug 2000 00:00:00 GMT", 967680000),
    ("Tue, 31 Sep 2000 00:00:00 GMT", None), ("Tue, 31 Dec 2000 00:00:00 GMT", 978220800),
    # times
    ("Sun, 06 Nov 1994 24:00:00 GMT", None), ("Sun, 06 Nov 1994 23:60:00 GMT", None),
    ("Sun, 06 Nov 1994 23:59:61 GMT", None),
    # other texts
    ("", None), ("0", None), ("Sun", None), ("Sun,", None), ("Sun ", None), ("sun, 06 Nov 1994 08:49:37 GMT", None),
    ("Sun, 06 nov 1994 08:49:37 GMT", None), ("Sun, 6 Nov 1994 08:49:37 GMT", None),
    ("Sun, 06 Nov 94 08:49:37 GMT", None), ("Sun, 06 Nov 1994 08:49:37 UTC", None),
    ("Sun, 06 Nov 1994 08:49:37 GMT ", None), ("Sun, 06 Nov 1994 08:49:37 gmt", None),
    ("Sunday, 06 Nov 1994 08:49:37 GMT", None), ("Sundae, 06-Nov-94 08:49:37 GMT", None),
    ("Sunday, 06-Nov-1994 08:49:37 GMT", None), ("Sun Nov 006 08:49:37 1994", None),
    ("Sun Nov 6 08:49:37 1994", None), ("Sun Nov  6 08:49:37 1994 GMT", None), ("Xyz, 06 Nov 1994 08:49:37 GMT", None),
    ("Sun, 06 Nov 1994 08-49:37 GMT", None), ("Sun, 06 Nov 1994 08:49-37 GMT", None),
    ("Xyz Nov  6 08:49:37 1994", None),
    ("2026-01-01T00:00:00Z", None),
])
def test_date(core, text, expected):
    assert date(core, text) == date(core, text, at_begin=True) == expected


@given(st.integers(0, 253402300799), st.integers(0, 2))
def test_any_date(core, seconds, style):
    moment = EPOCH + timedelta(seconds=seconds)
    text = format_datetime(moment, usegmt=True) if style == 0 else written(moment, style)
    assert date(core, text, now=seconds) == seconds
    for other in (text[:-1], text + "x", text.replace(":", ";", 1)):
        assert date(core, other) is None


@pytest.mark.parametrize("seconds", [784111777, 784975777])
@pytest.mark.parametrize("style", [0, 1, 2])
def test_every_prefix_and_every_other_character(core, style, seconds):
    text = written(EPOCH + timedelta(seconds=seconds), style)
    for end in range(len(text)):
        assert date(core, text[:end]) is None
        assert date(core, text[:end] + "!" + text[end + 1:]) is None


@pytest.mark.parametrize(("year", "now", "expected"), [
    (94, NOW, 1994), (76, NOW, 1976), (75, NOW, 2075), (70, NOW, 2070), (26, NOW, 2026), (77, NOW, 1977),
    (69, 0, None), (0, 0, 2000), (19, 0, 2019), (70, 0, 1970), (99, 253402300799, 9999), (99, 2**64 - 1, 9999),
    (45, 253402300799, 10045),
])
def test_two_digits_of_a_year(core, year, now, expected):
    """The latest year that is no more than 50 years away; None: before 1970."""
    found = date(core, f"Monday, 02-Jun-{year:02} 00:00:00 GMT", now)
    if expected is None:
        assert found == 0
    else:
        days = (expected - 1970) * 365 + sum(1 for y in range(1970, expected) if y % 4 == 0 and y % 100 or y % 400 == 0)
        leap = expected % 4 == 0 and (expected % 100 != 0 or expected % 400 == 0)
        assert found == (days + 31 + 28 + leap + 31 + 30 + 31 + 1) * 86400


# ---- conditions

MODIFIED = 784111777
TIMES = {"same": "Sun, 06 Nov 1994 08:49:37 GMT", "earlier": "Sun, 06 Nov 1994 08:49:36 GMT",
         "later": "Sunday, 06-Nov-94 08:49:38 GMT", "none": "yesterday"}


def choose(core, fields, method="GET", tag='"t"', modified=MODIFIED, size=1000):
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    text = f"{method} / HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode("latin-1")
    ffi = core.ffi
    data, head = core.input.put(text), ffi.new("mh_head_t *")
    assert core.lib.mh_head_parse(head, ffi.new("mh_limits_t *", LIMITS), data, len(text)) == 1
    version = ffi.new("mh_version_t *")
    keep = ffi.new("char[]", tag.encode()) if tag else ffi.NULL
    version.tag, version.tag_len, version.modified, version.size = keep, len(tag or ""), modified, size
    found, count = ffi.new("mh_range_t[]", RANGES_MAX), ffi.new("size_t *")
    status = core.lib.mh_version_choose(head, data, version, NOW, found, count)
    assert (status == 206) == (count[0] > 0)
    return (status, *((found[i].at, found[i].len) for i in range(count[0])))


PART = (206, (2, 3))
RANGE = ("Range", "bytes=2-4")


@pytest.mark.parametrize(("fields", "expected"), [
    ([], (200,)),
    # RFC 9110 section 13.2.2, step by step: If-Match, or else If-Unmodified-Since
    ([("If-Match", '"t"')], (200,)), ([("If-Match", '"x"')], (412,)), ([("If-Match", "*")], (200,)),
    ([("If-Match", 'W/"t"')], (412,)), ([("If-Match", '"x", "t"')], (200,)), ([("if-match", "")], (412,)),
    ([("If-Match", '"x"'), ("If-Match", '"t"')], (200,)), ([("If-Match", '"t"'), ("If-Match", '"x"')], (200,)),
    ([("If-Unmodified-Since", TIMES["same"])], (200,)), ([("If-Unmodified-Since", TIMES["later"])], (200,)),
    ([("If-Unmodified-Since", TIMES["earlier"])], (412,)), ([("If-Unmodified-Since", TIMES["none"])], (200,)),
    ([("If-Match", '"t"'), ("If-Unmodified-Since", TIMES["earlier"])], (200,)),
    ([("If-Unmodified-Since", TIMES["earlier"]), ("If-Unmodified-Since", TIMES["earlier"])], (200,)),
    # If-None-Match, or else If-Modified-Since
    ([("If-None-Match", '"t"')], (304,)), ([("If-None-Match", 'W/"t"')], (304,)), ([("If-None-Match", '"x"')], (200,)),
    ([("If-None-Match", "*")], (304,)), ([("If-None-Match", '"x"'), ("If-None-Match", '"t"')], (304,)),
    ([("If-None-Match", '"t')], (200,)),
    ([("If-Modified-Since", TIMES["same"])], (304,)), ([("If-Modified-Since", TIMES["later"])], (304,)),
    ([("If-Modified-Since", TIMES["earlier"])], (200,)), ([("If-Modified-Since", TIMES["none"])], (200,)),
    ([("If-Modified-Since", TIMES["same"]), ("If-Modified-Since", TIMES["same"])], (200,)),
    ([("If-None-Match", '"x"'), ("If-Modified-Since", TIMES["same"])], (200,)),
    ([("If-None-Match", '"t"'), ("If-Modified-Since", TIMES["earlier"])], (304,)),
    ([("If-Match", '"x"'), ("If-None-Match", '"t"')], (412,)),
    ([("If-Match", '"t"'), ("If-None-Match", '"t"')], (304,)), ([("If-None-Match", '"t"'), RANGE], (304,)),
    ([("If-Match", '"x"'), RANGE], (412,)),
    # Range and If-Range
    ([RANGE], PART), ([RANGE, RANGE], (200,)), ([("Range", "bytes=1000-")], (416,)), ([("Range", "lines=1-2")], (200,)),
    ([("Range", "bytes=0-0,500-501")], (206, (0, 1), (500, 2))),
    ([RANGE, ("If-Range", '"t"')], PART), ([RANGE, ("If-Range", '"x"')], (200,)),
    ([RANGE, ("If-Range", 'W/"t"')], (200,)),
    ([RANGE, ("If-Range", '"tt"')], (200,)), ([RANGE, ("If-Range", TIMES["same"])], PART),
    ([RANGE, ("If-Range", TIMES["later"])], (200,)), ([RANGE, ("If-Range", TIMES["earlier"])], (200,)),
    ([RANGE, ("If-Range", TIMES["none"])], (200,)), ([RANGE, ("If-Range", '"t"'), ("If-Range", '"t"')], (200,)),
    ([("Range", "bytes=1000-"), ("If-Range", '"x"')], (200,)), ([("If-Range", '"t"')], (200,)),
])
def test_conditions(core, fields, expected):
    assert choose(core, fields) == expected


@pytest.mark.parametrize(("fields", "expected"), [
    ([RANGE], (200,)), ([("If-None-Match", '"t"')], (304,)), ([("If-Modified-Since", TIMES["same"])], (304,)),
    ([("If-Match", '"x"')], (412,)), ([("Range", "bytes=1000-")], (200,)),
])
def test_head(core, fields, expected):
    assert choose(core, fields, "HEAD") == expected


@pytest.mark.parametrize(("fields", "expected"), [
    ([RANGE], (200,)), ([("If-None-Match", '"t"')], (412,)), ([("If-None-Match", "*")], (412,)),
    ([("If-Modified-Since", TIMES["same"])], (200,)), ([("If-Unmodified-Since", TIMES["earlier"])], (412,)),
    ([("If-Match", '"t"')], (200,)),
])
def test_other_methods(core, fields, expected):
    assert choose(core, fields, "PUT") == expected


@pytest.mark.parametrize(("fields", "expected"), [
    ([("If-Match", 'W/"t"')], (412,)), ([("If-Match", '"t"')], (412,)), ([("If-Match", "*")], (200,)),
    ([("If-None-Match", '"t"')], (304,)), ([("If-None-Match", 'W/"t"')], (304,)),
    ([RANGE, ("If-Range", 'W/"t"')], (200,)), ([RANGE, ("If-Range", '"t"')], (200,)), ([RANGE], PART),
])
def test_a_weak_tag(core, fields, expected):
    assert choose(core, fields, tag='W/"t"') == expected


@pytest.mark.parametrize(("fields", "expected"), [
    ([("If-Match", '"t"')], (412,)), ([("If-Match", "*")], (200,)), ([("If-None-Match", '"t"')], (200,)),
    ([("If-None-Match", "")], (200,)), ([("If-None-Match", "*")], (304,)),
    ([("If-Modified-Since", TIMES["later"])], (200,)), ([("If-Unmodified-Since", TIMES["earlier"])], (200,)),
    ([RANGE], PART), ([RANGE, ("If-Range", '"t"')], (200,)), ([RANGE, ("If-Range", TIMES["same"])], (200,)),
])
def test_nothing_known_of_it(core, fields, expected):
    assert choose(core, fields, tag=None, modified=0) == expected
