"""The server for asyncio: each request is handled in a task of its own."""

from errno import ECONNRESET

from _httpserver import FAREWELLS, HTTPServerError, InvalidRequest, Server  # noqa: F401
from modhttp import HTTPError


class HTTPServer(Server):
    """Handlers are coroutines of (reader, writer, request).

    They answer with HTTPResponse and writer.write(). The answer ends with the handler.
    """

    async def start(self):
        """Listen, and serve in a task of its own from then on."""
        import asyncio  # here: the program has done so, and who only imports us need not

        self._listen()
        asyncio.create_task(self._app.serve(self.port, self.host))

    async def stop(self):
        """Stop listening. Handlers that run go on."""
        if self._app is None or not self._app.port:
            print("HTTP server was not started")
            return
        from asyncio import sleep_ms

        self._app.stop()
        for _ in range(FAREWELLS):
            if not self._app.stats()["open"]:
                break
            await sleep_ms(20)
        print("HTTP server stopped")

    async def _call(self, function, request, parsed):
        import asyncio

        from _streams import AsyncConnection

        connection = AsyncConnection(request)
        failure = None
        try:
            await function(connection, connection, parsed)
        except HTTPError:
            raise
        except Exception as exc:
            failure = exc
        finally:
            asyncio.sleep_ms(0)  # in place of a sleep() that was not awaited, and another task would take for its own
            if request.begun:
                await connection.wait_closed()  # what was written arrives
        if failure is not None and not (isinstance(failure, OSError) and failure.errno == ECONNRESET):
            # As asyncio would, had the task ended so.
            asyncio.get_event_loop().call_exception_handler(
                {"message": "Task exception wasn't retrieved", "exception": failure, "future": asyncio.current_task()}
            )
        if request.begun:
            return None
        return 200 if failure is None else ("500 Internal Server Error\n", 500)
