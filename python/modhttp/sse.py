"""Server-Sent Events, as the HTML standard has browsers read them (section 9.2)."""

import json
import sys

from modhttp.response import _OCTETS, Response

# How long a source that has nothing yet is left alone in asyncio's loop; elsewhere lwIP's ticks do that.
NAP_MS = 500


class Event:
    """An event with everything said: data as in events(), event its type, id what a client that reconnects gives back
    as request.last_event_id, retry the milliseconds after which it is to do that. data=None: none of it.
    """

    def __init__(self, data="", event=None, id=None, retry=None):
        self.data = data
        self.event = event
        self.id = id
        self.retry = retry


def events(source, retry=None, headers=None):
    """An answer that is a stream of events, as long as `source` gives any: an iterable, generator, or async generator.

    An item is the event's data, a str of any number of lines, or what JSON can hold; or an Event; or None: nothing yet,
    it is asked again within half a second. Under serve() a source may await instead. retry: milliseconds after which a
    client that lost its connection is to come again. When nothing is sent for 15 seconds, a comment is. When the
    client is gone, generators are closed, so that their finally runs.
    """
    fields = {"Cache-Control": "no-cache"}
    fields.update(headers or {})
    pieces = _awaited(source, retry) if hasattr(source, "__aiter__") else _pieces(source, retry)
    return Response(pieces, 200, fields, "text/event-stream")


def _pieces(source, retry):
    try:
        if retry is not None:
            yield "retry: %d\n\n" % retry
        for item in _careful(source):
            yield None if item is None else _encode(item)
    finally:
        if hasattr(source, "close"):
            source.close()


async def _awaited(source, retry):
    if retry is not None:
        yield "retry: %d\n\n" % retry
    async for item in source:
        yield _encode(item)


def _careful(source):
    """The source; where asyncio is loaded, with care, since None may be nothing yet, or that it awaits."""
    if not hasattr(source, "send") or "asyncio" not in sys.modules:
        return source
    from modhttp.loop import core, step

    return _alone(source, step) if core.cur_task is None else _in_task(source, core)


def _alone(source, step):
    """Where no loop runs, to await would crash MicroPython."""
    while True:
        more, item = step(source)
        if not more:
            return
        if item is None:
            raise TypeError("events that wait need a loop, once asyncio is imported: await app.serve()")
        yield item


def _in_task(source, core):
    """Whatever a task awaits marks the task with it. One that nothing has marked sleeps, or it would never be woken."""
    while True:
        task = core.cur_task
        task.data = mark = ()
        try:
            item = next(source)
        except StopIteration:
            return
        finally:
            awaits = task.data is not mark
            if not awaits:
                task.data = None
        if item is not None or awaits:
            yield item
        else:
            yield from core.sleep_ms(NAP_MS)


def _encode(item):
    if not isinstance(item, Event):
        return _data(item)
    text = ""
    for name, value in (("id", item.id), ("event", item.event)):
        if value is not None:
            value = str(value)
            if "\r" in value or "\n" in value or "\0" in value:
                raise ValueError("an event's %s is one line of text" % name)
            text += name + ": " + value + "\n"
    if item.retry is not None:
        text += "retry: %d\n" % item.retry
    return text + ("\n" if item.data is None else _data(item.data))


def _data(data):
    if isinstance(data, _OCTETS):
        raise TypeError("an event's data must be str or what JSON can hold, not %s" % type(data).__name__)
    if not isinstance(data, str):
        data = json.dumps(data)
    if "\r" in data:
        data = data.replace("\r\n", "\n").replace("\r", "\n")
    return "data: " + data.replace("\n", "\ndata: ") + "\n\n"
