r"""The corpus: bytes in, expected outcome, one file per chapter. docs/testing.md tells how to write a case.

A case is a comment that names it, lines of bytes, which are joined as they are, and a `=>` line for each thing that
the parser then says. A directive (`@head max_fields=3`) holds up to the next one. Escapes in the bytes and in what is
expected:

    \r \n \t \\ \xHH    a byte
    \{text*40}          the text as often
    \{a|b|c}            each of these in turn: the case is as many cases with one expectation
    \[tchar -: \x00]    each byte of the set in turn: of the classes (CLASSES) and bytes named, less those after '-'
    \1 … \9             in an expectation: what was chosen at the first, second … place of those two kinds

Cases of a chapter that differ only in the set at one place are held to cover all 256 bytes (test_cases.py).
"""

import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
KINDS = ("head", "chunked", "requests", "target", "authority", "path", "query", "answer")

ALPHA = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGIT = b"0123456789"
UNRESERVED = ALPHA + DIGIT + b"-._~"  # RFC 3986 section 2.3
SUB_DELIMS = b"!$&'()*+,;="

# As the RFCs have them, written down once more: the core's own table is what is tested.
CLASSES = {
    "any": bytes(range(256)),
    "NUL": b"\0",
    "SP": b" ",
    "HTAB": b"\t",
    "CR": b"\r",
    "LF": b"\n",
    "CTL": bytes(range(32)) + b"\x7f",
    "ALPHA": ALPHA,
    "DIGIT": DIGIT,
    "HEXDIG": DIGIT + b"ABCDEFabcdef",
    "VCHAR": bytes(range(33, 127)),
    "obs-text": bytes(range(128, 256)),
    "tchar": b"!#$%&'*+-.^_`|~" + ALPHA + DIGIT,  # RFC 9110 section 5.6.2
    "value": b"\t " + bytes(range(33, 127)) + bytes(range(128, 256)),  # RFC 9110 section 5.5
    "host": UNRESERVED + SUB_DELIMS,  # of a reg-name, RFC 3986 section 3.2.2, without what is encoded
    "target": UNRESERVED + SUB_DELIMS + b":/?@" + b"[]\\^`{|}",  # RFC 3986, and what browsers leave as it is
}

ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([rnt\\])|\{([^}]*)\}|\[([^\]]*)\]|([1-9])|(.?))")
SIMPLE = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
INPUT_MAX = 16384  # SPLITS_INPUT_MAX


class BadCase(ValueError):
    pass


@dataclass
class Expectation:
    """A `=>` line: "ok method=GET fields=Host:a" is ("ok", {"method": b"GET", "fields": b"Host:a"})."""

    result: str
    values: dict


@dataclass
class Variant:
    """A case with a choice made at each of its places."""

    data: bytes
    chosen: tuple
    expected: list


@dataclass
class Case:
    chapter: str
    name: str
    line: int
    kind: str
    options: tuple
    text: bytes = b""
    expected: list = field(default_factory=list)

    def __str__(self):
        return f"{self.chapter}.txt:{self.line}: {self.name}"

    @property
    def limits(self):
        """(max_head, max_target, max_fields)"""
        limits = {"max_head": 2048, "max_target": 1024, "max_fields": 32}
        if self.kind != "answer":  # whose options are routes
            limits |= {name: int(value) for name, value in (option.split("=") for option in self.options)}
        return tuple(limits.values())

    def variants(self):
        parts = split_escapes(self.text)
        places = [part for part in parts if isinstance(part, tuple)]
        for chosen in itertools.product(*places):
            rest = iter(chosen)
            data = b"".join(next(rest) if isinstance(part, tuple) else part for part in parts)
            if len(data) > INPUT_MAX:
                raise BadCase(f"{self}: longer than {INPUT_MAX}")
            yield Variant(data, chosen, [expectation(line, chosen) for line in self.expected])

    def sets(self):
        """For each `\\[…]` the case without that choice, and the set."""
        for match in ESCAPE.finditer(self.text):
            if match[4] is not None:
                yield (self.text[: match.start()], self.text[match.end() :]), byte_set(match[4])


def byte_set(text):
    """What `\\[…]` names."""
    chosen, without = set(), set()
    for word in text.split():
        minus = len(word) > 1 and word.startswith(b"-")
        name = word[1:] if minus else word
        found = CLASSES[name.decode()] if name.decode() in CLASSES else unescape(name)
        if len(found) != 1 and name.decode() not in CLASSES:
            raise BadCase(f"neither a class nor a byte: {name.decode()}")
        (without if minus else chosen).update(found)
    if without - chosen:
        raise BadCase(f"takes away what is not there: {text.decode()}")
    return tuple(bytes([c]) for c in sorted(chosen - without))


def choice(text):
    """What `\\{…}` stands for: bytes, or a tuple of those to choose from."""
    repeated = re.fullmatch(rb"(.*)\*([0-9]+)", text, re.DOTALL)
    if repeated:
        return unescape(repeated[1]) * int(repeated[2])
    words = text.split(b"|")
    if len(words) == 1:
        raise BadCase(f"neither a repetition nor a choice: {text.decode()}")
    return tuple(unescape(word) for word in words)


def split_escapes(text):
    """Bytes, and a tuple for each place where there is something to choose."""
    parts, at = [], 0
    for match in ESCAPE.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
        number, letter, braces, brackets, _, other = match.groups()
        if number is not None:
            parts.append(bytes([int(number, 16)]))
        elif letter is not None:
            parts.append(SIMPLE[letter])
        elif braces is not None:
            parts.append(choice(braces))
        elif brackets is not None:
            parts.append(byte_set(brackets))
        else:
            raise BadCase(f"no such escape: {match[0].decode()}")
    return [*parts, text[at:]]


def unescape(text, chosen=()):
    """Bytes where nothing is to choose, but perhaps to look up what has been."""

    def replace(match):
        if match[5]:
            return chosen[int(match[5]) - 1]
        return b"".join(split_escapes(match[0]))

    return ESCAPE.sub(replace, text)


# Values that go on to the end of the line.
TAIL = ("fields", "data", "pairs", "allow")


def expectation(line, chosen=()):
    result, _, rest = line.strip().partition(b" ")
    values = {}
    while rest:
        key, equals, after = rest.partition(b"=")
        if not equals:
            raise BadCase(f"no value: {rest.decode()}")
        value, _, rest = (after, b"", b"") if key.decode() in TAIL else after.partition(b" ")
        values[key.decode()] = unescape(value, chosen)
    return Expectation(result.decode(), values)


class Reader:
    """Gathers the cases of a chapter, line by line."""

    def __init__(self, chapter):
        self.chapter = chapter
        self.cases = []
        self.section = ""
        self.kind, self.options = None, ()
        self.begin()

    def begin(self):
        self.title, self.text, self.expected, self.start = [], b"", [], 0

    def end_case(self):
        if self.expected:
            name = " ".join(self.title) or self.section or self.chapter
            what = (self.kind, self.options, self.text, self.expected)
            self.cases.append(Case(self.chapter, name, self.start, *what))
            self.begin()

    def directive(self, text):
        self.kind, _, rest = text.partition(" ")
        words = rest.split("," if self.kind == "answer" else None)
        self.options = tuple(word.strip() for word in words if word.strip())

    def take(self, number, line):
        if line.startswith(b"=>"):
            self.start = self.start or number
            self.expected.append(line[2:])
            return self.kind in KINDS
        self.end_case()
        if line.startswith(b"# --- "):
            self.section = line[6:].decode().strip(" -")
        elif line.startswith(b"#"):
            self.title.append(line[1:].decode().strip())
        elif line.startswith(b"@"):
            self.directive(line[1:].decode())
        elif line:
            self.start = self.start or number
            self.text += line
            return True
        else:
            self.title = []  # a comment on its own is about more than a case
        return not self.text


def read_cases(chapter):
    """The cases of a chapter, in their order."""
    reader = Reader(chapter)
    for number, line in enumerate([*(HERE / f"{chapter}.txt").read_bytes().split(b"\n"), b""], 1):
        if not reader.take(number, line):
            raise BadCase(f"{chapter}.txt:{number}: no directive yet, or a case without =>")
    return reader.cases


def chapters():
    return sorted(path.stem for path in HERE.glob("*.txt"))


def all_cases():
    return [case for chapter in chapters() for case in read_cases(chapter)]
