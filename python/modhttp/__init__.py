"""modhttp: an HTTP server whose protocol is C, under a small Python face.

import modhttp

app = modhttp.Server()

@app.get("/hello/<name>")
def hello(request, name):
    return "hello " + name

app.run(port=80)
"""

__version__ = "0.8.0"

try:
    import _modhttp
except ImportError:
    raise ImportError("modhttp needs its own firmware: flash the board with a UF2 of modhttp (make flash)") from None
if _modhttp.version != __version__:
    raise ImportError("modhttp %s needs its own firmware, not that of modhttp %s" % (__version__, _modhttp.version))

from _modhttp import Field, HTTPError, Request
from modhttp.faces import Handler
from modhttp.response import Response, abort, file, html, redirect
from modhttp.server import Server, serve

# What not every program needs, by the module that has it. A constant, so it stays in flash when this is frozen.
_LATER = (
    ("Event", "sse"),
    ("Room", "websocket"),
    ("WebSocket", "websocket"),
    ("broadcast", "websocket"),
    ("events", "sse"),
)


def __getattr__(name):
    for known, module in _LATER:
        if known == name:
            return getattr(_module(module), name)
    try:  # MicroPython asks here for submodules, too
        return _module(name)
    except ImportError:
        raise AttributeError(name) from None


def _module(name):
    return __import__("modhttp." + name, None, None, (name,))


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
