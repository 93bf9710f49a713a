"""erikdelange's server for asyncio, on modhttp: see docs/ahttpserver.md."""

from .response import HTTPResponse, reason  # noqa: F401
from .sendfile import sendfile  # noqa: F401
from .server import HTTPServer, HTTPServerError  # noqa: F401
