"""Waiting for more of a request's body, in a loop of asyncio's or without one."""

import sys


def more(request):
    """Awaitable: until there is more of the body, or it is late, or the client is gone.

    Without a loop it is the server that goes on with the handler, which gives it the request to say so.
    """
    if "asyncio" in sys.modules:
        from modhttp import loop

        if loop.core.cur_task is not None and not loop.stepping:
            yield from loop.readable(request)
            return
    yield request


def now(coroutine):
    """Run a coroutine that never has to wait. Returns what it returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
