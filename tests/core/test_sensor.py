"""Sensors: the ring of samples, and texts that Python's own readers and Prometheus's client read back as the values."""

import csv
import io
import json
import math
import re
import struct
from collections import deque
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

INT, FLOAT, BOOL, STR = range(4)


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def clean(text):
    """What is shown of a str's bytes: each that is part of no character becomes U+FFFD."""
    shown = ""
    while text:
        for length in (1, 2, 3, 4):
            try:
                shown += text[:length].decode()
                break
            except UnicodeDecodeError:
                continue
        else:
            shown, length = shown + "\ufffd", 1
        text = text[length:]
    return shown


class Column:
    def __init__(self, name, kind, *, scale=1, size=16, help="", unit=""):
        self.name, self.kind, self.scale, self.size, self.help, self.unit = name, kind, scale, size, help, unit

    def __repr__(self):
        return f"Column({self.name!r}, {self.kind}, scale={self.scale}, size={self.size}, unit={self.unit!r})"


class Sensor:
    """A sensor of the core. Texts are written into memory that is as long as they may be."""

    def __init__(self, core, columns, capacity=1):
        self.core, self.columns, ffi = core, columns, core.ffi
        texts = [(each.name, each.help, each.unit) for each in columns]
        self.names = [[ffi.new("char[]", text.encode()) for text in each] for each in texts]
        self.described = ffi.new("mh_column_t[]", [
            {"name": name, "help": text, "unit": unit, "scale": each.scale, "type": each.kind, "size": each.size}
            for each, (name, text, unit) in zip(columns, self.names, strict=True)
        ])
        self.sample_size = core.lib.mh_sensor_layout(self.described, len(columns))
        self.ring = ffi.new("uint8_t[]", capacity * self.sample_size)
        ffi.memmove(self.ring, b"\xa5" * len(self.ring), len(self.ring))
        self.it = ffi.new("mh_sensor_t *", {
            "columns": self.described, "column_count": len(columns), "capacity": capacity,
            "sample_size": self.sample_size, "ring": self.ring,
        })
        self.sample = core.lib.mh_sensor_begin(self.it, 0)

    def next(self, values, ms=0):
        self.sample = self.core.lib.mh_sensor_next(self.it, ms)
        self.set(values)

    def set(self, values):
        formats = {INT: "<i", FLOAT: "<f", BOOL: "<I"}
        for index, value in enumerate(values):
            column, text = self.described[index], self.core.input
            if column.type == STR:
                self.core.lib.mh_column_set_str(self.described + index, self.sample, text.put(value), len(value))
            else:
                place = self.core.ffi.cast("char *", self.sample) + column.at
                self.core.ffi.memmove(place, struct.pack(formats[column.type], value), 4)

    def bytes(self, sample=None):
        return self.core.bytes(self.sample if sample is None else sample, self.sample_size)

    def text(self, name, *more, bound=None):
        lib = self.core.lib
        limit = getattr(lib, f"mh_sensor_{bound or name}_max")(self.it, *more)
        room = self.core.output.room(limit)
        given = () if name.endswith(("names", "_name")) else (self.sample,)
        length = getattr(lib, f"mh_sensor_{name}")(self.it, *given, *more, room)
        assert length <= limit
        return self.core.bytes(room, length).decode()

    def metric(self, name, column, what="metric"):
        return self.text(what, self.core.ffi.new("char[]", name.encode()), column, bound="metric")


# ---- samples


def test_layout(core):
    columns = [Column(name, STR, size=size) for name, size in (("b", 3), ("c", 4), ("d", 0))]
    sensor = Sensor(core, [Column("a", INT), *columns, Column("e", BOOL)])
    assert [each.at for each in sensor.described] == [8, 12, 16, 24, 28]
    assert sensor.sample_size == 32
    most = core.lib.MH_SENSOR_COLUMNS_MAX
    assert Sensor(core, [Column("a", STR, size=core.lib.MH_SENSOR_STR_MAX)] * most).sample_size == 8 + 252 * most


def test_binary_form(core):
    """What a sample is in memory is what is sent."""
    sensor = Sensor(core, [Column("a", INT), Column("b", FLOAT), Column("c", BOOL), Column("d", STR, size=6)])
    assert sensor.bytes() == bytes(sensor.sample_size)
    sensor.next([-5, 21.5, True, b"hello"], ms=123456)
    assert sensor.bytes() == struct.pack("<IIifIB7s", 1, 123456, -5, 21.5, 1, 5, b"hello")
    sensor.set([1, 0.0, False, b"hi"])
    assert sensor.bytes() == struct.pack("<IIifIB7s", 1, 123456, 1, 0, 0, 2, b"hi")


def test_a_sample_begins_as_the_one_before(core):
    sensor = Sensor(core, [Column("a", INT), Column("b", STR)], capacity=3)
    sensor.next([7, b"seven"])
    before = sensor.bytes()[8:]
    for _ in range(5):
        sensor.next([])
        assert sensor.bytes()[8:] == before


@pytest.mark.parametrize(("text", "size", "kept"), [
    (b"", 0, b""), (b"a", 0, b""), (b"abc", 3, b"abc"), (b"abcd", 3, b"abc"), ("aé".encode(), 3, "aé".encode()),
    ("aé".encode(), 2, b"a"), ("é".encode(), 1, b""), ("€€".encode(), 5, "€".encode()),
    ("€€".encode(), 6, "€€".encode()),
    ("\U0001f321x".encode(), 4, "\U0001f321".encode()), ("\U0001f321x".encode(), 3, b""), (b"\x80\x80\x80", 2, b""),
    (b"x" * 300, 250, b"x" * 250),
])
def test_str_is_cut_where_a_character_ends(core, text, size, kept):
    sensor = Sensor(core, [Column("a", STR, size=size)])
    sensor.set([b"x" * size])
    sensor.set([text])
    value = sensor.bytes()[8:]
    assert value[0] == len(kept)
    assert value[1:] == kept.ljust(len(value) - 1, b"\0")


def sample(sensor, seq):
    found = sensor.core.lib.mh_sensor_sample(sensor.it, seq % 2**32)
    return None if found == sensor.core.ffi.NULL else struct.unpack("<IIi", sensor.bytes(found))


@pytest.mark.parametrize("capacity", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("first", [0, 2**32 - 5])
def test_ring(core, capacity, first):
    """Seen beside a deque; also where the numbers wrap around."""
    sensor = Sensor(core, [Column("a", INT)], capacity)
    sensor.sample.seq = sensor.it.seq = first
    kept = deque([(first, 0, 0)], maxlen=capacity)
    for value in range(1, 3 * capacity + 10):
        sensor.next([value], ms=value + 100)
        kept.append(((first + value) % 2**32, value + 100, value))
        assert [sample(sensor, seq) for seq, *_ in kept] == list(kept)
        assert core.lib.mh_sensor_oldest(sensor.it) == kept[0][0]
        for absent in (kept[0][0] - 1, kept[-1][0] + 1, kept[-1][0] + 2**31):
            assert sample(sensor, absent) is None


# ---- values as texts

WORDS = st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True)
# What is special in one of the texts, characters of every length, and what is none.
PIECES = [
    b"a", b" ", b",", b'"', b"\\", b"\r", b"\n", b"\t", b"\b", b"\f", b"\0", b"\x1f", b"\x7f", "é€\U0001f321".encode(),
    b"\xc3", b"\x80", b"\xc0\xaf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
    b"\xff", b"\xe2\x82", b"\xf0\x9f\x8c", b"\xe2\x82a", b"\xf0\x9f\x8ca", b"\xc2",
]
TEXTS = st.one_of(st.binary(max_size=40), st.lists(st.sampled_from(PIECES), max_size=10).map(b"".join))
VALUES = {
    INT: st.integers(-(2**31), 2**31 - 1),
    FLOAT: st.floats(width=32),
    BOOL: st.booleans(),
    STR: TEXTS,
}
SCALES = st.one_of(st.sampled_from([1, 10, 1000, 10**9]), st.integers(1, 2**31 - 1))
COLUMNS = st.builds(Column, WORDS, st.sampled_from([INT, FLOAT, BOOL, STR]), scale=SCALES, size=st.just(250))
SENSORS = st.lists(COLUMNS, min_size=1, max_size=8, unique_by=lambda column: column.name).flatmap(
    lambda columns: st.tuples(st.just(columns), st.tuples(*(VALUES[column.kind] for column in columns)))
)
NUMBERS = st.integers(0, 2**32 - 1)


def is_power_of_ten(scale):
    return scale == 10 ** (len(str(scale)) - 1)


def is_shown(column, value, text):
    """Whether a number's text is this value."""
    if column.kind == FLOAT:
        return math.isfinite(value) and struct.pack("<f", float(text)) == struct.pack("<f", value)
    if column.scale == 1:
        return text == str(value)
    if is_power_of_ten(column.scale):
        return "." in text and Fraction(text) == Fraction(value, column.scale)
    return float32(float(text)) == float32(float32(value) / float32(column.scale))


def is_json(column, value, read):
    """Numbers are read as strings."""
    if column.kind == STR:
        return read == clean(value)
    if column.kind == BOOL:
        return read is value
    if column.kind == FLOAT and not math.isfinite(value):
        return read is None
    return is_shown(column, value, read)


def read_json(text):
    return json.loads(text, parse_int=str, parse_float=str)


@given(SENSORS, NUMBERS, NUMBERS)
def test_json(core, given_sensor, seq, ms):
    columns, values = given_sensor
    sensor = Sensor(core, columns)
    sensor.set(values)
    sensor.sample.seq, sensor.sample.ms = seq, ms
    read = read_json(sensor.text("json"))
    assert list(read) == [column.name for column in columns] == json.loads(sensor.text("json_names"))
    row = read_json(sensor.text("json_row", bound="row"))
    assert row == [str(seq), str(ms), *read.values()]
    for column, value, shown in zip(columns, values, read.values(), strict=True):
        assert is_json(column, value, shown)


def is_csv(column, value, read):
    if column.kind == STR:
        return read == clean(value)
    if column.kind == BOOL:
        return read == ("true" if value else "false")
    if column.kind == FLOAT and not math.isfinite(value):
        return read == ""
    return is_shown(column, value, read)


@given(SENSORS, NUMBERS, NUMBERS)
def test_csv(core, given_sensor, seq, ms):
    columns, values = given_sensor
    sensor = Sensor(core, columns)
    sensor.set(values)
    sensor.sample.seq, sensor.sample.ms = seq, ms
    text = sensor.text("csv_names") + sensor.text("csv_row", bound="row")
    assert text.endswith("\r\n")
    names, row = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert names == ["seq", "ms", *(column.name for column in columns)]
    assert row[:2] == [str(seq), str(ms)]
    for column, value, shown in zip(columns, values, row[2:], strict=True):
        assert is_csv(column, value, shown)


@pytest.mark.parametrize(("value", "shown"), [
    (b"", ""), (b"a b", "a b"), (b"a,b", '"a,b"'), (b'"', '""""'), (b"\n", '"\n"'), (b"\r", '"\r"'),
    ("é".encode(), "é"),
])
def test_csv_quotes(core, value, shown):
    sensor = Sensor(core, [Column("a", STR)])
    sensor.set([value])
    assert sensor.text("csv_row", bound="row") == f"0,0,{shown}\r\n"


@pytest.mark.parametrize(("value", "shown"), [
    (b'\b\t\n\f\r"\\', r"\b\t\n\f\r\"\\"),
    (b"\0\x01\x0b\x0e\x0f\x10\x1f\x7f", "\\u0000\\u0001\\u000b\\u000e\\u000f\\u0010\\u001f\x7f"),
    ("/é".encode(), "/é"), (b"\xc3(\x80", "\ufffd(\ufffd"),
])
def test_json_escapes(core, value, shown):
    sensor = Sensor(core, [Column("a", STR)])
    sensor.set([value])
    assert sensor.text("json") == f'{{"a":"{shown}"}}'


@pytest.mark.parametrize("piece", PIECES)
def test_what_is_special_in_a_text(core, piece):
    """Each of it in every run: what chance finds of it differs."""
    sensor = Sensor(core, [Column("a", STR)])
    for value in (piece, piece + b"z"):
        sensor.set([value])
        assert json.loads(sensor.text("json")) == {"a": clean(value)}


def test_as_the_header_has_it(core):
    sensor = Sensor(core, [Column("celsius", INT, scale=1000), Column("door", BOOL)])
    sensor.set([21500, True])
    sensor.sample.seq, sensor.sample.ms = 17, 123456
    assert sensor.text("json") == '{"celsius":21.5,"door":true}'
    assert sensor.text("json_row", bound="row") == "[17,123456,21.5,true]"
    assert sensor.text("json_names") == '["celsius","door"]'
    assert sensor.text("csv_names") == "seq,ms,celsius,door\r\n"
    assert sensor.text("csv_row", bound="row") == "17,123456,21.5,true\r\n"


@pytest.mark.parametrize("value", [
    -(2**31), 2**31 - 1, -1.2345678e14, math.nan, b"\x01" * 250, b"\xff" * 250, b'"' * 250, False,
])
def test_bounds_hold_what_is_longest(core, value):
    """The room ends at a page that cannot be written."""
    kind = {int: INT, float: FLOAT, bytes: STR, bool: BOOL}[type(value)]
    sensor = Sensor(core, [Column("a" * core.lib.MH_SENSOR_NAME_MAX, kind, size=250)] * core.lib.MH_SENSOR_COLUMNS_MAX)
    sensor.set([value] * len(sensor.columns))
    sensor.sample.seq = sensor.sample.ms = 2**32 - 1
    for name in ("json", "json_names", "csv_names"):
        assert sensor.text(name)
    for name in ("json_row", "csv_row"):
        assert sensor.text(name, bound="row")


# ---- Prometheus

SOME_NAMES = st.one_of(WORDS, st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=8))


def metric_name(*parts):
    name = "_".join(re.sub("[^a-zA-Z0-9]", "_", part) for part in parts if part is not None)
    return f"_{name}" if name[0].isdigit() else name


def is_metric(column, value, read):
    if column.kind == BOOL:
        return read == value
    if column.kind == FLOAT:
        return struct.pack("<f", read) == struct.pack("<f", value) or (math.isnan(read) and math.isnan(value))
    exact = column.scale == 1 or is_power_of_ten(column.scale)
    quotient = float32(float32(value) / float32(column.scale))
    return read == value / column.scale if exact else float32(read) == quotient


@given(SOME_NAMES, SOME_NAMES.filter(bool), SOME_NAMES, SOME_NAMES, SCALES, st.data())
def test_metric(core, name, column_name, unit, text, scale, data):
    kind = data.draw(st.sampled_from([INT, FLOAT, BOOL]))
    value = data.draw(VALUES[kind])
    column = Column(column_name, kind, scale=scale, help=text, unit=unit)
    sensor = Sensor(core, [Column("first", INT), column])
    sensor.set([0, value])
    [family] = text_string_to_metric_families(sensor.metric(name, 1))
    said = not unit or f"_{column_name}".endswith(f"_{unit}")
    assert family.name == metric_name(name, column_name, None if said else unit)
    assert family.type == "gauge"
    # The reader takes white space away around the help.
    assert family.documentation.split() == text.split()
    [sample] = family.samples
    assert sample.labels == {} and sample.name == family.name
    assert sensor.metric(name, 1, "metric_name") == family.name
    assert is_metric(column, value, sample.value)


@pytest.mark.parametrize(("kind", "value", "shown"), [
    (INT, -5, "-5"), (BOOL, True, "1"), (BOOL, False, "0"), (FLOAT, 21.5, "21.5"), (FLOAT, math.nan, "NaN"),
    (FLOAT, math.inf, "+Inf"), (FLOAT, -math.inf, "-Inf"),
])
def test_metric_values(core, kind, value, shown):
    sensor = Sensor(core, [Column("v", kind)])
    sensor.set([value])
    assert sensor.metric("a", 0) == f"# TYPE a_v gauge\na_v {shown}\n"


def test_metric_text(core):
    sensor = Sensor(core, [Column("größe", INT, scale=10, help="In\\the\nhall", unit="m/s")])
    sensor.set([15])
    assert sensor.metric("1-é:", 0) == (
        "# HELP _1____gr__e_m_s In\\\\the\\nhall\n# TYPE _1____gr__e_m_s gauge\n_1____gr__e_m_s 1.5\n"
    )


@pytest.mark.parametrize(("name", "unit", "shown"), [
    ("celsius", "celsius", "a_celsius"), ("air_celsius", "celsius", "a_air_celsius"), ("kelvins", "s", "a_kelvins_s"),
    ("s", "volts", "a_s_volts"), ("volts", "watts", "a_volts_watts"), ("volts", "", "a_volts"),
])
def test_unit_is_said_once(core, name, unit, shown):
    sensor = Sensor(core, [Column(name, INT, unit=unit)])
    assert sensor.metric("a", 0) == f"# TYPE {shown} gauge\n{shown} 0\n"


def test_a_str_is_no_metric(core):
    sensor = Sensor(core, [Column("a", STR)])
    assert sensor.metric("a", 0) == sensor.metric("a", 0, "metric_name") == ""


def test_malformed_help(core):
    sensor = Sensor(core, [Column("a", BOOL)])
    sensor.names.append(core.ffi.new("char[]", b"\xff\xfe\xc3"))
    sensor.described[0].help = sensor.names[-1]
    assert sensor.metric("a", 0).startswith("# HELP a_a \ufffd\ufffd\ufffd\n")
