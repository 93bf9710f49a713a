"""The server: routes, ways to run, and what becomes of exceptions."""

import sys

import _modhttp
from modhttp.response import render


class Server:
    """An HTTP/1.1 server.

    Limits are keywords, in counts and bytes: max_connections=16; head_buffers=8 heads of full size that can be held at
    once; max_head=2048, max_fields=32, max_target=1024 of a head; max_body=16384 of a body that is gathered in memory.
    Times are in seconds: head_timeout=10 for a whole head; progress_timeout=10 without progress of a body or an answer;
    idle_timeout=30 between requests; queue_timeout=30 until poll() fetches a request.
    debug=True puts tracebacks into the answers of handlers that raise. Raises ValueError naming the argument.
    """

    def __init__(self, *, debug=False, **limits):
        self.debug = debug
        self._core = _modhttp.Server(render, self._on_error, **limits)

    @property
    def port(self):
        """The port that the server listens on; 0 when it does not."""
        return self._core.port

    # Routes

    def route(self, path, methods=("GET",)):
        """Decorator: serve `path` with the function, called with the request and what the pattern captures, in order.

        Segments of a path may be <name>, <int:name> or, last, <path:name>. HEAD and OPTIONS are answered by themselves.
        Raises ValueError for a malformed pattern and for a method and path that are taken.
        """

        def add(function):
            for method in methods:
                self._core.add(method, path, function)
            return function

        return add

    def get(self, path):
        """Decorator: serve GET (and HEAD) of `path`."""
        return self.route(path)

    def post(self, path):
        """Decorator: serve POST to `path`."""
        return self.route(path, ("POST",))

    def put(self, path):
        """Decorator: serve PUT to `path`."""
        return self.route(path, ("PUT",))

    def patch(self, path):
        """Decorator: serve PATCH to `path`."""
        return self.route(path, ("PATCH",))

    def delete(self, path):
        """Decorator: serve DELETE of `path`."""
        return self.route(path, ("DELETE",))

    # Running

    def start(self, port=80, host="0.0.0.0"):
        """Listen; poll() then serves. A port held by an older Server of this program is taken over.

        When it listens there already, it goes on with what has come. Raises OSError(EADDRINUSE) when anything else
        has the port, OSError(EHOSTUNREACH) when no network interface is up.
        """
        self._core.listen(port, host)

    def poll(self, timeout_ms=0):
        """Handle the requests that are ready, waiting up to timeout_ms for one (-1: without end). Returns how many."""
        return self._core.poll(timeout_ms)

    def run(self, port=80, host="0.0.0.0"):
        """Listen and serve until stop() or Ctrl-C (KeyboardInterrupt)."""
        self.start(port, host)
        poll = self._core.poll
        try:
            while self._core.port:
                poll(-1)
        except KeyboardInterrupt:
            self.stop()
            raise

    def stop(self):
        """Stop listening. Answers under way are completed, connections closed, requests that wait get 503."""
        self._core.close()

    def stats(self):
        """A dict of figures.

        Now: connections open, idle (between requests) and queued (for poll()); head_buffers_free; uptime in seconds.
        Since the server was made: requests; answers by class, status_2xx to status_5xx; bytes_in, bytes_out;
        refused (connections and requests that there was no room for), timed_out, resets (by the client).
        """
        return self._core.stats()

    # Exceptions

    def _on_error(self, request, exc):
        """The answer to a request whose handler raised."""
        if isinstance(exc, _modhttp.HTTPError) and exc.args:
            status = exc.args[0]
            return (exc.args[1] if len(exc.args) > 1 else _modhttp.reason(status)) + "\n", status
        sys.print_exception(exc)
        text = "500 Internal Server Error\n"
        if isinstance(exc, TypeError) and str(exc).startswith("handler returned"):
            text += str(exc) + "\n"
        if self.debug:
            import io

            trace = io.StringIO()
            sys.print_exception(exc, trace)
            text += "\n" + trace.getvalue()
        return text, 500
