"""Streams of requests for the differential tests: by the grammar and around it, then mutated.

All choices are read from one run of bytes, which is what hypothesis draws and shrinks: a draw for each choice would
take fifty times as long as the parsers do. Zeros, and what lies beyond the end, choose the plainest.
"""

# What every stream ends with, so that every head does; and it shows where the request before has ended.
TAIL = b"GET /tail HTTP/1.1\r\nHost: tail\r\nConnection: close\r\n\r\n"

# What is in order, and what is not, or is only for some.
METHODS = [b"GET", b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH"]
ODD_METHODS = [b"CONNECT", b"TRACE", b"PROPFIND", b"PURGE", b"M-SEARCH", b"SOURCE", b"PRI", b"get", b"BREW", b"QUERY"]
ODD_METHODS += [b"X!#$%&'*+-.^_`|~9", b"G\x00T", b"", b"DESCRIBE"]
TARGETS = [b"/", b"/", b"/a/b?c=d&e=f", b"/%41%2f?%20", b"http://h/p", b"/a:b@c;d,e!f$g&h'i(j)k*l+m=n~o_p-q.r/"]
ODD_TARGETS = [b"http://:8/"]
ODD_TARGETS += [b"*", b"HTTPS://h:8?q", b"http://h", b"http://[::1]:8/", b"h:443", b"/a%4", b"/a%zz", b'/"<>', b"/#f"]
ODD_TARGETS += [b"/a#", b"//"]
ODD_TARGETS += [b"/[a]^`{|}\\", b"/\xe9", b"/\x7f", b"/a b", b"http://u@h/", b"ftp://h/", b"http:///x", b"http://"]
ODD_TARGETS += [b"a", b"?q"]
ODD_TARGETS += [b"http://h:x/", b"", b"h", b"[::1]:1", b"/?a?b", b"/?[]^`{|}\\", b"/a?\"", b"http://h?q", b"*/"]
ODD_TARGETS += [b"http://[/"]
VERSIONS = [b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"]
ODD_VERSIONS = [b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/3", b"http/1.1", b"HTTP/1.10", b"HTTP/1.", b"HTTPS/1.1"]
ODD_VERSIONS += [b"ICE/1.0"]
ODD_VERSIONS += [b"RTSP/1.0", b"", b"HTTP/1.1 ", b"HTTP/1.9"]
END = [b"\r\n"]
ODD_ENDS = [b"\n", b"\r", b"\r\r\n", b" \r\n", b"\r\n ", b""]
BEFORE = [b""]
ODD_BEFORE = [b"\r\n", b"\r\n" * 4, b"\r\n" * 5, b"\n", b" "]

HOSTS = [b"h", b"", b"h:8080", b"[::1]:80", b"a_b.c", b"h%41", b"h:"]
ODD_HOSTS = [b"a b", b"h:x", b"u@h", b"[", b"h/", b"a,b", b"\xe9", b"[]", b"[::1]a", b"h%4", b"a, b"]
LENGTHS = [b"0", b"3", b"03", b"5"]
ODD_LENGTHS = [b"+3", b"-1", b"0x3", b"3,3", b"3, 4", b"", b"3 3", b"4294967295", b"4294967296"]
ODD_LENGTHS += [b"18446744073709551616"]
ODD_LENGTHS += [b"99999999999999999999999", b"3,", b"003"]
CODINGS = [b"chunked", b"chunked", b"Chunked", b", chunked,"]
ODD_CODINGS = [b"gzip, chunked", b"chunked, gzip", b"gzip", b"identity", b"chunked, chunked", b"", b"xchunked"]
ODD_CODINGS += [b"chunked;q=1"]
ODD_CODINGS += [b'"chunked"', b"chunked\x0b", b"chunked,", b"identity, chunked"]
OPTIONS = [b"keep-alive", b"close", b"Close", b"upgrade", b"keep-alive, close", b"x, close", b"close,x", b"x-close"]
OPTIONS += [b"closed"]
OPTIONS += [b"Keep-Alive,Upgrade", b", close", b"", b"keep-alive x", b"te", b"close close", b"keep-alive\t,\tclose"]
OPTIONS += [b"keep-alivex"]
EXPECTATIONS = [b"100-continue", b"100-Continue", b"", b","]
ODD_EXPECTATIONS = [b"200-ok", b"100-continue, x", b"100"]
NAMES = [b"X", b"Accept", b"Cookie", b"!#$%&'*+-.^_`|~", b"Content-Lengt", b"Upgrade", b"Proxy-Connection", b"Trailer"]
NAMES += [b"TE"]
ODD_NAMES = [b"X Y", b"X ", b" X", b"\tX", b"", b"X\x00", b"X\xe9", b"X(", b"Content_Length", b"Content-Length "]
ODD_NAMES += [b" Host", b"X\t"]
VALUES = [b"v", b"", b"a b\tc", b"\xe9\xff", b":", b"x" * 70, b"close", b"chunked", b"h2c", b"websocket"]
VALUES += [b"keep-alive", b"a,b"]
ODD_VALUES = [b"\x00", b"\x7f", b"\x0b", b"\x01", b"a\rb", b"a\nb", b"a\r\n b", b"a\r\n\tb", b"\r\n", b"\r\n b"]
SPACES = [b" ", b" ", b"", b"  ", b"\t", b" \t "]
FIELDS = [(b"Host", HOSTS, ODD_HOSTS), (b"content-length", LENGTHS, ODD_LENGTHS)]
FIELDS += [(b"Expect", EXPECTATIONS, ODD_EXPECTATIONS), (b"Transfer-Encoding", CODINGS, ODD_CODINGS)]
FIELDS += [(b"Connection", OPTIONS, [])] * 3 + [(None, VALUES, ODD_VALUES)] * 6

SIZES = [b"%x", b"%x", b"%X", b"0%x"]
ODD_SIZES = [b"%x ", b" %x", b"0x%x", b"+%x", b"%x\t", b"1%08x", b"f%016x", b"-%x", b"%x_", b"0%030x"]
LASTS = [b"0"]
ODD_LASTS = [b"00", b"", b"0 ", b"0" * 2100]
EXTENSIONS = [b"", b"", b"", b"", b";a", b";a=b", b';a="b;c"', b';a="\xe9"']
ODD_EXTENSIONS = [b";a @b"]
ODD_EXTENSIONS += [b" ; a = b", b" ;a;b=c", b";", b";;", b";a=", b";=a", b';a="b', b';a="\\""', b";a b", b";\x00"]
ODD_EXTENSIONS += [b";a\n", b";a=\xe9"]
ODD_EXTENSIONS += [b";a(", b' ;\ta\t=\t"b"\t;c', b";x" + b"x" * 2100, b"; a", b";a ", b";a=b;c", b';a="\\\x7f"']
ODD_EXTENSIONS += [b';a="b"c']
TRAILERS = [b"", b"", b"T: v\r\n", b"T:\r\nU: 1\r\n"]
ODD_TRAILERS = [b"T : v\r\n", b"T\r\n", b" T: v\r\n", b"T: a\r\n b\r\n", b"T: v\n", b": v\r\n"]
ODD_TRAILERS += [b"Content-Length: 3\r\n"]
ODD_TRAILERS += [b"T: \x00\r\n", b"T: \xe9\r\n", b"T:" + b"x" * 2050 + b"\r\n", b"T\x7f: 1\r\n"]
ODD_TRAILERS += [b"Transfer-Encoding: x\r\n"]
BODIES = [b"a", b"abc", b"hello", b"\r\n\r\n", b"0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00\xff\n"]
BODIES += [b"x" * 300]

INSERTIONS = [b"\r", b"\n", b"\r\n", b" ", b"\t", b"\x00", b"\x7f", b"\xff", b":", b",", b";", b"%", b'"', b"0", b"1"]
INSERTIONS += [b"a", b"/"]
INSERTIONS += [b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: i\r\n", b"\r\n\r\n"]
INSERTIONS += [b"Connection: close\r\n"]


class Tape:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, limit):
        """From 0 to limit - 1."""
        size = 1 if limit <= 256 else 2
        value = int.from_bytes(self.data[self.at : self.at + size], "big")
        self.at += size
        return value % limit

    def pick(self, choices, odd=()):
        """One of the choices, or now and then one of the odd ones."""
        if odd and self.number(32) == 31:
            return odd[self.number(len(odd))]
        return choices[self.number(len(choices))]


def chunked(tape):
    text = b""
    for _ in range(tape.number(4)):
        piece = tape.pick(BODIES)
        text += tape.pick(SIZES, ODD_SIZES) % len(piece)
        text += tape.pick(EXTENSIONS, ODD_EXTENSIONS) + tape.pick(END, ODD_ENDS)
        text += piece + tape.pick(END, ODD_ENDS)
    text += tape.pick(LASTS, ODD_LASTS) + tape.pick(EXTENSIONS, ODD_EXTENSIONS) + tape.pick(END, ODD_ENDS)
    return text + tape.pick(TRAILERS, ODD_TRAILERS) + tape.pick(END, ODD_ENDS)


def field(tape):
    name, values, odd = tape.pick(FIELDS)
    return (name or tape.pick(NAMES, ODD_NAMES)), tape.pick(SPACES) + tape.pick(values, odd) + tape.pick(SPACES[2:])


def request(tape):
    """A request with a body that fits; then some fields that need not."""
    kind = tape.pick(["none", "length", "chunked"])
    fields, body = [(b"Host", b" " + tape.pick(HOSTS, ODD_HOSTS))], b""
    if kind == "length":
        body = tape.pick(BODIES)
        fields.append((b"Content-Length", b" %d" % len(body)))
    elif kind == "chunked":
        body = chunked(tape)
        fields.append((b"Transfer-Encoding", b" " + tape.pick(CODINGS, ODD_CODINGS)))
    for _ in range(tape.pick([0, 0, 0, 1, 1, 2, 3])):
        fields.insert(tape.number(len(fields) + 1), field(tape))
    line = tape.pick(METHODS, ODD_METHODS) + b" " + tape.pick(TARGETS, ODD_TARGETS)
    line += b" " + tape.pick(VERSIONS, ODD_VERSIONS)
    lines = b"".join(name + b":" + value + tape.pick(END, ODD_ENDS) for name, value in fields)
    return tape.pick(BEFORE, ODD_BEFORE) + line + tape.pick(END, ODD_ENDS) + lines + tape.pick(END, ODD_ENDS) + body


def mutate(tape, data):
    at = tape.number(len(data) + 1)
    how = tape.pick(["flip", "byte", "insert", "delete", "double", "line", "swap"])
    if how == "flip" and at < len(data):
        return data[:at] + bytes([data[at] ^ 1 << tape.number(8)]) + data[at + 1 :]
    if how in ("flip", "byte"):
        return data[:at] + bytes([tape.number(256)]) + data[at + 1 :]
    if how == "insert":
        return data[:at] + tape.pick(INSERTIONS) + data[at:]
    end = at + 1 + tape.number(12)
    if how == "delete":
        return data[:at] + data[end:]
    if how == "double":
        return data[:end] + data[at:]
    lines = data.split(b"\r\n")
    i, j = tape.number(len(lines)), tape.number(len(lines))
    if how == "line":
        lines.insert(i, lines[j])
    else:
        lines[i], lines[j] = lines[j], lines[i]
    return b"\r\n".join(lines)


def stream(tape_bytes):
    """(bytes, places to split them at)."""
    tape = Tape(tape_bytes)
    count, mutations = tape.pick([1, 1, 2, 3]), tape.pick([0, 0, 0, 1, 1, 2])
    data = b"".join(request(tape) for _ in range(count))
    for _ in range(mutations):
        data = mutate(tape, data)
    data += TAIL
    return data, sorted(1 + tape.number(len(data) - 1) for _ in range(tape.number(4)))
