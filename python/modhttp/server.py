"""The server: routes, hooks, ways to run, and what becomes of exceptions."""

import sys

import _modhttp
from modhttp.faces import methods_of, route_for, route_for_callback
from modhttp.response import Response, render


class Server:
    """An HTTP/1.1 server.

    Limits are keywords, in counts and bytes: max_connections=16; head_buffers=8 heads of full size that can be held at
    once; max_head=2048, max_fields=32, max_target=1024 of a head; max_body=16384 of a body that is gathered in memory.
    Times are in seconds: head_timeout=10 for a whole head; progress_timeout=10 without progress of a body or an answer;
    idle_timeout=30 between requests; queue_timeout=30 until poll() fetches a request.
    debug=True puts tracebacks into the answers of handlers that raise. secure_headers=True is secure().
    Raises ValueError naming the argument.
    """

    def __init__(self, *, debug=False, secure_headers=False, **limits):
        self.debug = debug
        self._core = _modhttp.Server(render, self._on_error, **limits)
        self._core.step = _step
        self._core.publish = self._publish
        self._metrics = None
        self._paths = ()  # of the sensors in it
        self._watchers = ()  # called when there is another
        self._before = []
        self._after = []
        self._errors = {}
        self._mounts = []
        self._beside = ()  # what starts and stops with the server
        self._protected = []
        self._common = [{}, None]
        if secure_headers:
            self.secure()

    @property
    def port(self):
        """The port that the server listens on; 0 when it does not."""
        return self._core.port

    # Routes

    def _add(self, method, path, function):
        if self._protected:
            from modhttp.protect import guarded

            function = guarded(self, path, function)
        self._core.add(method, path, function)
        if self._mounts:
            from modhttp.mount import mounted

            function = mounted(self, function)
            for prefix, parent in self._mounts:
                parent._add(method, prefix + path, function)

    def route(self, path, methods=("GET",)):
        """Decorator: serve `path` with the function, called with the request and what the pattern captures, in order.

        Segments of a path may be <name>, <int:name> or, last, <path:name>. HEAD and OPTIONS are answered by themselves.
        Raises ValueError for a malformed pattern and for a method and path that are taken.
        """

        def add(function):
            for method in methods:
                self._add(method, path, function)
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

    def add(self, path, handler):
        """Serve `path` with a Handler subclass: each method that it has a do_… for; or with a WebSocket subclass."""
        if hasattr(handler, "on_message"):
            self.websocket(path)(handler)
            return
        methods = methods_of(handler)
        if not methods:
            raise ValueError("%s has no do_GET or the like" % handler.__name__)
        for method in methods:
            self._add(method, path, route_for(handler, method))

    def websocket(self, path, **options):
        """Decorator: serve WebSockets at `path` with an async function(ws, captures…), or with a WebSocket subclass.

        max_message=4096: bytes of a client's message, beyond which it is closed with 1009. max_queue=4096: bytes of
        messages that wait for a slow client. ping=20: seconds without a word from the client before it is asked for
        one; after as many more it is given up; 0: never. protocols=(): those that the program speaks, the best first.
        origins=None: pages of which sites may connect, beside the server's own, as ("https://example.com",); None: all.
        """
        from modhttp.websocket import route_for

        def add(handler):
            self._add("GET", path, route_for(handler, **options))
            return handler

        return add

    def callback(self, function):
        """Serve what no route does with function(request, response). Also a decorator. None: no longer."""
        self._fall_back(function and route_for_callback(function))
        return function

    def _fall_back(self, function):
        if function and self._protected:
            from modhttp.protect import guarded

            function = guarded(self, "/<path:any>", function)
        self._core.fallback = function

    # Answered in C, also while Python is busy

    @property
    def sensor(self):
        """sensor(path, *, history=0, name=None, **fields) -> a sensor, whose update(**fields) takes a sample.

        A field is its default, an int, float, bool or str, or a Field. GET gives the newest sample as JSON, with
        ?last=N or ?since=SEQ those of the history; path.csv, path.bin and Accept other representations; path/events
        every sample as it is taken (Server-Sent Events); /metrics all sensors, as Prometheus reads them.
        Raises ValueError for what no sensor has, TypeError for a field of another type.
        """
        return self._core.sensor

    def _publish(self, path, sensor):
        from modhttp.sensors import publish

        publish(self, path, sensor)

    def dashboard(self, prefix="/", title="Dashboard"):
        """Serve a page that shows the sensors, those of later too, with their histories, as their samples are taken.

        prefix/sensors.json describes them, prefix/sensors/events has all of their samples as they are taken, and
        prefix/stats.json is stats() with memory. Raises OSError where /rom has no dashboard.html.gz, and ValueError
        where the program has a handler for one of the paths.
        """
        from modhttp.dashboard import publish

        publish(self, prefix, title)

    def value(self, path, content_type, data):
        """Serve bytes or str at `path`. Returns an object whose set(data) replaces them."""
        blob = _modhttp.Blob(content_type, data)
        self._add("GET", path, blob.endpoint())
        return blob

    def buffer(self, path, array, content_type="application/octet-stream", position=0):
        """Serve the bytes of an array, bytearray or the like as they are at the moment, without a copy.

        position: of a ring buffer, the address of the 32-bit word that has the address of its oldest byte, such as a
        DMA channel's WRITE_ADDR register: that byte is sent first. The array must not change its size.
        """
        self._add("GET", path, _modhttp.Blob(content_type, array, position).endpoint())

    def static(self, prefix, root, max_age=None, index="index.html", listing=False):
        """Serve the files below a directory, of any file system: with conditions, ranges, and twins with .gz and .br.

        max_age is how many seconds a client need not ask again. index is the name of a directory's own page;
        listing=True makes a page of its entries where it has none. Where all files are in memory-mapped flash (/rom,
        see `make romfs`), C sends them from where they lie, and they are those that are there now.
        Raises ValueError where root is no directory, and for a path that has a handler.
        """
        from modhttp.static import publish

        publish(self, prefix, root, max_age, index, listing)

    def ota(self, prefix="/ota", root="/", *, allow=None, token=None, max_size=262144, reset=None):
        """Have PUT prefix/name replace the file of that name below a directory, whole or not at all.

        Who may: a client with this bearer token, or a request for which allow(request) is true. A Content-Digest of
        sha-256 is checked. A PUT with ?reset calls reset() a second later; without one it is refused.
        Raises ValueError where neither token nor allow is given, or both.
        """
        from modhttp.ota import publish

        publish(self, prefix, root, allow, token, max_size, reset)

    def log(self, target):
        """Log each request, also what C answers, in the Common Log Format: host - - [date] "request" status bytes.

        target: a file, or a function that is called with each line; None: no longer. Lines come while the server runs.
        """
        write = getattr(target, "write", None)
        self._core.log(target if write is None else lambda line: write(line + "\n"))

    def mount(self, prefix, other):
        """Serve another Server's routes, those it gets later too, below a prefix, with its hooks and error handlers."""
        from modhttp.mount import mount

        mount(self, prefix, other)

    def _own_answer(self, request, exc):
        """That of our error handlers; raises `exc` where there is none, or the answer has begun."""
        handler = None if request.begun else self._error_handler(exc)
        if handler is None:
            raise exc
        return handler(request, exc)

    # Being found

    def _with(self, companion):
        if self.port:
            companion.start(self.port)
        self._beside += (companion,)
        return companion

    def advertise(self, name=None, service="_http._tcp", txt=None, title=None):
        """Be found as name.local, and in lists of services under `title`, which is the name unless it is said.

        The name is network.hostname() unless it is said. txt: {"path": "/setup"} and the like tell programs more.
        Others' names are respected: the object that is returned has `host` and `title`, those that were free.
        In force while the server listens. Raises ValueError for what cannot be a name, OSError where there is no mDNS.
        """
        from modhttp.mdns import Service

        return self._with(Service(name, service, txt, title))

    def captive(self, page="/", names=()):
        """Be what a device meets that has joined the board's own access point: every name is this board.

        DNS questions are answered with the board's own address, and requests for other hosts sent to `page`, which is
        what makes phones show it. `names` are hosts that are served beside the address. In force while the server
        listens.
        """
        from modhttp.captive import CaptivePortal

        return self._with(CaptivePortal(self, page, names))

    # Who may

    def protect(self, prefix, check):
        """Let nobody at what is below a prefix, sensors and files too, unless check(request) returns None.

        check is a modhttp.auth.Basic, Bearer or Digest, or a function: what else it returns is the answer.
        Of Basic with plain passwords, and of Bearer with tokens, C asks where it answers. Raises ValueError where
        routes that it is to protect are there already.
        """
        from modhttp.protect import add

        add(self, prefix, check)

    def secure(self, fields=None):
        """Have every answer tell browsers to be careful: X-Content-Type-Options and others, see docs/security.md.

        fields: {name: value} of more, or other, fields; the value None leaves one out. A handler's own go before them.
        """
        from modhttp.security import secure

        secure(self, fields)

    def cors(self, origins="*", methods=None, headers=(), expose=(), max_age=600, credentials=False):
        """Let pages of other origins read answers, sensors' and errors too (CORS), and answer their preflights.

        origins: "*", or one like "https://example.org", or several; methods and headers that their requests may have;
        headers that they may read; max_age, for how many seconds preflights hold; credentials: cookies come along.
        """
        from modhttp.security import cors

        cors(self, origins, methods, headers, expose, max_age, credentials)

    # Hooks

    def before(self, function):
        """Decorator: call function(request) before each handler; what it returns, other than None, is the answer."""
        self._before.append(function)
        self._core.call = self._call
        return function

    def after(self, function):
        """Decorator: call function(request, response) with each answer of a handler; it may change or replace it."""
        self._after.append(function)
        self._core.call = self._call
        return function

    def _call(self, handler, request, *captures):
        for hook in self._before:
            result = hook(request)
            if result is not None:
                break
        else:
            result = handler(request, *captures)
        if not self._after or result is None:
            return result
        if hasattr(result, "send"):
            return self._finish_later(request, result)
        return self._finish(request, result)

    def _finish(self, request, result):
        if isinstance(result, _modhttp.Endpoint):
            return result  # C's answer
        response = Response.of(result)
        for hook in self._after:
            response = hook(request, response) or response
        return response

    def _finish_later(self, request, coroutine):
        result = yield from coroutine
        return result if result is None else self._finish(request, result)

    # Running

    def start(self, port=80, host="0.0.0.0", background=False):
        """Listen; poll() then serves. With background=True the scheduler does, between the program's bytecodes.

        A port held by an older Server of this program is taken over. When this one listens there already, it goes on
        with what has come. Raises OSError(EADDRINUSE) when anything else has the port, OSError(EHOSTUNREACH) when no
        network interface is up.
        """
        self._core.background = background
        before = self._core.port
        self._core.listen(port, host)
        if before == port:
            return
        try:
            for companion in self._beside:
                companion.start(port)
        except OSError:
            self.stop()
            raise

    def poll(self, timeout_ms=0):
        """Handle the requests that are ready, waiting up to timeout_ms for one (-1: without end). Returns how many."""
        return self._core.poll(timeout_ms)

    def run(self, port=80, host="0.0.0.0"):
        """Listen and serve until stop() or Ctrl-C (KeyboardInterrupt). With asyncio loaded, handlers may be async."""
        if "asyncio" in sys.modules:
            from modhttp.loop import run

            if run(self.serve(port, host)):
                return
        self.start(port, host)
        poll = self._core.poll
        try:
            while self._core.port:
                poll(-1)
        except KeyboardInterrupt:
            self.stop()
            raise

    async def serve(self, port=80, host="0.0.0.0"):
        """Listen and serve in asyncio's loop until stop() or cancellation. Handlers may be async."""
        from modhttp.loop import readable, spawn

        self.start(port, host)
        core = self._core
        core.spawn = spawn
        try:
            while core.port:
                await readable(core)
                core.poll(0, 1)
        except BaseException:
            self.stop()
            raise
        finally:
            core.spawn = None

    def stop(self):
        """Stop listening. Answers under way are completed, connections closed, requests that wait get 503."""
        self._core.close()
        for companion in self._beside:
            companion.stop()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    def stats(self):
        """A dict of figures.

        Now: connections open, idle (between requests) and queued (for poll()); head_buffers_free; uptime in seconds.
        Since the server was made: requests; answers by class, status_2xx to status_5xx; bytes_in, bytes_out;
        refused (connections and requests that there was no room for), timed_out, resets (by the client).
        """
        return self._core.stats()

    # Exceptions

    def error(self, what):
        """Decorator: answer with function(request, exc) where a handler raises `what`: an exception class, or a status
        that HTTPError was raised with. error(404) also has the paths that no route, and no callback, serves; what else
        C answers by itself, such as a 405 for another method on a known path, it answers without.
        """

        def add(function):
            self._errors[what] = function
            if what == 404:
                self._core.missing = lambda request: function(request, _modhttp.HTTPError(404))
            return function

        return add

    def _error_handler(self, exc):
        """The most particular of the program's error handlers for this exception, or None."""
        if isinstance(exc, _modhttp.HTTPError) and exc.args and exc.args[0] in self._errors:
            return self._errors[exc.args[0]]
        best = None
        for kind in self._errors:
            if isinstance(kind, type) and isinstance(exc, kind) and (best is None or issubclass(kind, best)):
                best = kind
        return self._errors.get(best)

    def _on_error(self, request, exc):
        """The answer to a request whose handler raised."""
        handler = self._error_handler(exc)
        if handler is not None:
            return handler(request, exc)
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


def _step(generator):
    from modhttp.loop import step

    return step(generator)


def serve(function, port=80, host="0.0.0.0", **limits):
    """Serve everything with function(request, response), until Ctrl-C."""
    app = Server(**limits)
    app.callback(function)
    app.run(port, host)
