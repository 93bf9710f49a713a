"""In asyncio's loop: waiting for the server, and async handlers, each in a task of its own."""

import asyncio
from asyncio import core

from modhttp.response import BYTES

stepping = False  # step() runs a generator: there is a current task, and no loop that would go on with it


def readable(stream):
    """Awaitable: until the stream has something. Raises TypeError where no loop runs."""
    if core.cur_task is None:
        raise TypeError("an async handler needs a loop to run in: await app.serve()")
    yield core._io_queue.queue_read(stream)


def writable(stream):
    """Awaitable: until the stream has room."""
    yield core._io_queue.queue_write(stream)


def spawn(request, generator):
    """Go on with what an async handler, or a generator, has returned."""
    begun = request.begun
    task = asyncio.create_task(_drive(request, generator))
    if begun:  # it streams: where that is events, nobody else would tell it that the client is gone
        request.on_lost = task.cancel


def run(coroutine):
    """Run it to its end in a loop of its own; False if a loop runs already."""
    if core.cur_task is not None:
        return False
    try:
        asyncio.run(coroutine)
    finally:
        coroutine.close()  # interrupted, it has not heard of it
        asyncio.new_event_loop()
    return True


def step(generator):
    """Run a generator to its first item, outside of any loop of ours: (True, item), or (False, what it returned).

    What it awaits queues the current task, which is none or not its own: a stand-in takes that place, and is forgotten.
    """
    global stepping
    current = core.cur_task
    core.cur_task = stand_in = core.Task(generator)
    before, stepping = stepping, True
    try:
        item = next(generator)
    except StopIteration as end:
        return False, end.value
    finally:
        core.cur_task = current
        stepping = before
    if item is None:
        core._io_queue.remove(stand_in)
        if core._task_queue.peek():  # MicroPython's does not look whether it is empty
            core._task_queue.remove(stand_in)
        generator.close()
    return True, item


def each(iterator):
    """A generator of what an async iterator gives. Raises TypeError where no loop runs."""
    if core.cur_task is None:
        raise TypeError("an async iterator needs a loop to run in: await app.serve()")
    return _each(iterator)


async def _each(iterator):
    async for piece in iterator:
        yield piece


class Reader:
    """A request's body for tasks, as asyncio.StreamReader has it: where that awaits, so does this."""

    def __init__(self, request):
        self._request = request
        self._line = b""  # what came behind the last line

    async def _some(self, where):
        """What is here, in a buffer or of so many bytes at most, once there is anything."""
        while True:
            some = self._request.pull(where)
            if some is not None:
                return some
            await readable(self._request)

    async def readinto(self, buffer):
        """Fill the beginning of a buffer. Returns how many bytes of it; 0: there are no more."""
        if not self._line:
            return await self._some(buffer)
        piece = await self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    async def read(self, n=-1):
        """What there is, at most n bytes, once there is any; b"": no more. All of it where n is negative."""
        if n >= 0:
            piece, self._line = self._line[:n], self._line[n:]
            return piece or (await self._some(n) if n else b"")
        data = b""
        while piece := await self.read(1024):
            data += piece
        return data

    async def readexactly(self, n):
        """Raises EOFError where there is less."""
        data = b""
        while len(data) < n:
            piece = await self.read(n - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    async def readline(self):
        """Up to a line's end, or what is left."""
        line = b""
        while piece := await self.read(256):
            end = piece.find(b"\n") + 1
            if end:
                self._line = piece[end:] + self._line
                return line + piece[:end]
            line += piece
        return line


def _drive(request, generator):
    """The task of an async handler, of a generator that streams, or of both in one: it awaits where that gives None."""
    step, value = generator.send, None
    try:
        while True:
            try:
                item = step(value)
            except StopIteration as end:
                return _finish(request, end.value)
            step, value = generator.send, None
            if item is None:
                try:
                    yield
                except BaseException as exc:
                    step, value = generator.throw, exc  # cancelled, say: the handler hears of it
                continue
            if not request.begun:
                request.begin(200, BYTES)
            if not request.wanted:  # HEAD
                generator.close()
                return _finish(request, None)
            done = request.push(item)
            if not item:
                yield from core.sleep_ms(0)  # it has nothing to say for now: others may
            while not done:
                yield core._io_queue.queue_write(request)
                done = request.push()
    except BaseException as exc:
        generator.close()
        request.fail(exc)
        if not isinstance(exc, Exception):
            raise


def _finish(request, result):
    if result is None and not request.begun:
        request.begin(200, BYTES)  # a generator that gave nothing
    request.answer(result)
