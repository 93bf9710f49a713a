"""Four readers of the same bytes: modhttp/core, h11, llhttp (by way of httptools), and grammar.py's by the book.

Each gives a list of grammar.Message, up to the first request that it refuses, does not get whole, or that is the last
on its connection.
"""

import h11
import httptools

from .grammar import Message

MH_KEEP_ALIVE, MH_CHUNKED, MH_LENGTH, MH_EXPECT = 1, 2, 4, 8


class CoreReader:
    """modhttp/core, given the bytes in pieces that end at `splits` and wherever a request ends."""

    LIMITS = (65535, 65535, 65535)

    def __init__(self, core):
        self.core, self.lib = core, core.lib
        self.limits = core.ffi.new("mh_limits_t *", self.LIMITS)
        self.parts = core.ffi.new("mh_target_t *")
        self.field, self.at = core.ffi.new("mh_field_t *"), core.ffi.new("uint16_t *")
        self.data, self.data_len = core.ffi.new("uint8_t **"), core.ffi.new("size_t *")

    def read(self, data, splits=()):
        messages, at = [], 0
        while at is not None and at < len(data):
            message = Message(at)
            messages.append(message)
            rest = data[at:]
            ends = [split - at for split in splits if at < split < len(data)] + [len(rest)]
            head = self.head(rest, ends, message)
            if head is None or message.refused:
                break
            self.body(rest, [head.len, *(end for end in ends if end > head.len)], head, message)
            if message.refused:
                break
            at = message.end if message.keep else None
        return messages

    def head(self, data, ends, message):
        """The complete head, or None."""
        head = self.core.ffi.new("mh_head_t *")
        for end in ends:
            result = self.lib.mh_head_parse(head, self.limits, self.core.input.put(data[:end]), end)
            if result:
                break
        if result == 0:
            return None
        if result < 0:
            message.refused = "head"
            return head
        start = self.core.input.put(data[: head.len])
        message.method = data[head.method.at :][: head.method.len]
        message.target = data[head.target.at :][: head.target.len]
        target = start + head.target.at
        if message.method != b"CONNECT" and self.lib.mh_target_split(target, head.target.len, self.parts):
            message.refused = "head"
            return head
        self.at[0] = head.fields
        field, text = self.field, self.core.bytes
        while self.lib.mh_field_next(start, self.at, field):
            message.fields.append((text(field.name, field.name_len), text(field.value, field.value_len)))
        flags = head.flags
        message.minor = head.minor
        message.framing = "chunked" if flags & MH_CHUNKED else head.length if flags & MH_LENGTH else "none"
        message.keep, message.expect = bool(flags & MH_KEEP_ALIVE), bool(flags & MH_EXPECT)
        return head

    def body(self, data, ends, head, message):
        body = self.core.ffi.new("mh_body_t *")
        self.lib.mh_body_init(body, head)
        at = ends[0]
        for end in ends:
            while at < end and not self.lib.mh_body_done(body):
                n = self.lib.mh_body_next(body, self.core.input.put(data[at:end]), end - at, self.data, self.data_len)
                if n < 0:
                    message.refused = "body"
                    return
                message.body += self.core.bytes(self.data[0], self.data_len[0])
                at += n
        if self.lib.mh_body_done(body):
            message.end = message.start + at


# --- h11


def read_h11(data):
    messages, at = [], 0
    while at is not None and at < len(data):
        message = Message(at)
        messages.append(message)
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        connection.receive_data(data[at:])
        h11_message(connection, message, len(data))
        at = message.end if message.keep and not message.switches else None
    return messages


def h11_message(connection, message, length):
    stage = "head"
    try:
        while (event := connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Request):
                stage = "body"
                h11_request(connection, event, message)
            elif isinstance(event, h11.Data):
                message.body += bytes(event.data)
            else:
                message.switches = connection.their_state is h11.MIGHT_SWITCH_PROTOCOL
                message.keep = None if message.switches else connection.their_state is h11.DONE
                message.end = length - len(connection.trailing_data[0])
                return
    except h11.RemoteProtocolError:
        message.refused = stage


def h11_request(connection, event, message):
    message.method, message.target = event.method, event.target
    message.minor = int(event.http_version[2:]) if event.http_version[:2] == b"1." else None
    message.fields = event.headers.raw_items()
    message.expect = connection.they_are_waiting_for_100_continue
    lengths = [int(value) for name, value in event.headers if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in event.headers)
    message.framing = "chunked" if chunked else lengths[0] if lengths else "none"


# --- llhttp


class LlhttpReader:
    """Given each byte by itself: its callbacks then tell where things end."""

    def __init__(self):
        self.messages = []
        self.headed = self.complete = False
        self.parser = httptools.HttpRequestParser(self)

    def read(self, data):
        for at in range(len(data)):
            if not self.messages or self.messages[-1].end is not None:
                self.messages.append(Message(at))
                self.headed = self.complete = False
            message = self.messages[-1]
            headed = self.headed
            try:
                self.parser.feed_data(data[at : at + 1])
            except httptools.HttpParserUpgrade:
                message.switches, message.end = True, at + 1
                break
            except httptools.HttpParserError:
                message.refused = "body" if headed else "head"
                break
            if self.complete:
                message.end = at + 1
                if not message.keep:
                    break
        return self.messages

    def on_url(self, piece):
        self.messages[-1].target = (self.messages[-1].target or b"") + piece

    def on_header(self, name, value):
        if not self.headed:
            self.messages[-1].fields.append((name, (value or b"").rstrip(b" \t")))

    def on_headers_complete(self):
        self.headed = True
        message = self.messages[-1]
        message.method = self.parser.get_method()
        major, _, minor = self.parser.get_http_version().partition(".")
        message.minor = int(minor) if major == "1" else None

    def on_body(self, piece):
        self.messages[-1].body += piece

    def on_message_complete(self):
        self.complete = True
        self.messages[-1].keep = self.parser.should_keep_alive()


def read_llhttp(data):
    return LlhttpReader().read(data)
