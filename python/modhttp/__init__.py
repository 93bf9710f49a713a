"""modhttp: an HTTP server whose protocol is C, under a small Python face.

import modhttp

app = modhttp.Server()

@app.get("/hello/<name>")
def hello(request, name):
    return "hello " + name

app.run(port=80)
"""

from _modhttp import Field, HTTPError, Request
from modhttp.faces import Handler
from modhttp.response import Response, abort, file, html, redirect
from modhttp.server import Server, serve

__version__ = "0.1.0"

# What not every program needs, by the module that has it.
_LATER = {
    "Event": "sse",
    "Room": "websocket",
    "WebSocket": "websocket",
    "broadcast": "websocket",
    "events": "sse",
}


def __getattr__(name):
    try:  # MicroPython asks here for submodules, too
        module = __import__("modhttp." + _LATER.get(name, name), None, None, (name,))
    except ImportError:
        raise AttributeError(name) from None
    return getattr(module, name) if name in _LATER else module


__all__ = (
    "Field",
    "HTTPError",
    "Handler",
    "Request",
    "Response",
    "Server",
    "abort",
    "file",
    "html",
    "redirect",
    "serve",
)
