"""erikdelange's server that blocks, on modhttp: see docs/ahttpserver.md."""

from .response import HTTPResponse, reason  # noqa: F401
from .sendfile import sendfile  # noqa: F401
from .server import CONNECTION_CLOSE, CONNECTION_KEEP_ALIVE, HTTPServer, HTTPServerError  # noqa: F401
