"""In asyncio's loop: waiting for the server, and async handlers, each in a task of its own."""

import asyncio
from asyncio import core

from modhttp.response import BYTES


def readable(stream):
    """Awaitable: until the stream has something."""
    yield core._io_queue.queue_read(stream)


def writable(stream):
    """Awaitable: until the stream has room."""
    yield core._io_queue.queue_write(stream)


def spawn(request, generator):
    """Go on with what an async handler, or a generator, has returned."""
    asyncio.create_task(_drive(request, generator))


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
    current = core.cur_task
    core.cur_task = stand_in = core.Task(generator)
    try:
        item = next(generator)
    except StopIteration as end:
        return False, end.value
    finally:
        core.cur_task = current
    if item is None:
        core._io_queue.remove(stand_in)
        if core._task_queue.peek():  # MicroPython's does not look whether it is empty
            core._task_queue.remove(stand_in)
        generator.close()
    return True, item


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
            done = request.push(item)
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
