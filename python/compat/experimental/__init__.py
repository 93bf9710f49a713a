"""The package in which EuroPi keeps its HTTP server.

EuroPi's other experimental modules are found where a board keeps them, in /lib; its own server there is passed by.
"""

import os

from experimental import http_server as http_server

try:
    os.stat("/lib/experimental")
    __path__ = "/lib/experimental"
except OSError:
    pass
