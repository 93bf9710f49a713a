"""The server that blocks: one request after the other, one handler at a time."""

import sys
from errno import ECONNRESET

from _connection import Connection
from _httpserver import FAREWELLS, HTTPServerError, InvalidRequest, Server  # noqa: F401
from modhttp import HTTPError

CONNECTION_CLOSE = 0
CONNECTION_KEEP_ALIVE = 1


class HTTPServer(Server):
    """Handlers are called with (conn, request).

    They answer with HTTPResponse and conn.write(). The answer ends with the handler; where that returns
    CONNECTION_KEEP_ALIVE, with conn.close(), whenever the program calls it.
    """

    def start(self):
        """Listen and serve, until a KeyboardInterrupt, a handler's too, or stop()."""
        self._listen()
        app = self._app
        try:
            while app.port:
                app.poll(-1)
        except KeyboardInterrupt:
            pass
        finally:
            app.stop()
        for _ in range(FAREWELLS):
            if not app.stats()["open"]:
                break
            app.poll(20)
        print("HTTP server stopped")

    def stop(self):
        """Have start() return: for handlers, threads and timers."""
        if self._app is not None:
            self._app.stop()

    def _call(self, function, request, parsed):
        conn = Connection(request)
        try:
            result = function(conn, parsed)
        except HTTPError:
            raise
        except BaseException as exc:
            if not request.begun:
                raise
            conn.close()  # what was written arrives
            if not isinstance(exc, Exception):
                raise
            if not (isinstance(exc, OSError) and exc.errno == ECONNRESET):
                sys.print_exception(exc)
            return None
        if result == CONNECTION_KEEP_ALIVE:
            return request
        if not request.begun:
            return 200
        conn.close()
        return None
