"""modhttp: an HTTP server whose protocol is C, under a small Python face.

import modhttp

app = modhttp.Server()

@app.get("/hello/<name>")
def hello(request, name):
    return "hello " + name

app.run(port=80)
"""

from _modhttp import HTTPError, Request
from modhttp.response import Response, html
from modhttp.server import Server

__version__ = "0.1.0"
__all__ = ("HTTPError", "Request", "Response", "Server", "html")
