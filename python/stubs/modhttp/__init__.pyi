"""Types of what `import modhttp` offers; python/modhttp is the code, docs/architecture.md the design."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import IO, Any, Literal, NoReturn, Protocol, TypeVar, Union

__version__: str

class Readable(Protocol):
    """An open file, or any other stream."""

    def readinto(self, buffer: Any, /) -> Union[int, None]:
        """Fill the beginning of a buffer. Returns how many bytes of it; 0: the end; None: nothing yet."""

Piece = Union[str, bytes, bytearray, memoryview]
Body = Union[Piece, dict[str, Any], list[Any], Iterable[Piece], AsyncIterable[Piece], Readable, "File"]
Fields = Union[dict[str, Any], list[tuple[str, Any]]]
Result = Union[Body, int, tuple[Body, int], tuple[Body, int, Union[Fields, None]], "Response", "Request", None]
Function = TypeVar("Function", bound=Callable[..., Any])

class HTTPError(Exception):
    """Raised by a handler, it is the answer: HTTPError(404, "no such room")."""

    def __init__(self, status: int, message: str = ...) -> None: ...

class Headers:
    """A request's header fields: names in any case, repeated fields joined by ", "."""

    def __getitem__(self, name: str) -> str: ...
    def __contains__(self, name: str) -> bool: ...
    def get(self, name: str, default: Any = None) -> Any:
        """The field's value, or the default where the request has none."""
    def items(self) -> list[tuple[str, str]]:
        """(name, value) of each field, in their order; a field that repeats is there as often."""

class Stream:
    """A detached connection: raw bytes. Closing it, or forgetting it, ends the connection in an orderly way."""

    def read(self, n: int = -1) -> bytes:
        """What there is, at most n bytes, once there is any; b"" when the client has ended its side.

        All up to there where n is negative.
        """
    def readinto(self, buffer: Union[bytearray, memoryview]) -> int:
        """The same into the beginning of a buffer. Returns how many bytes of it."""
    def readline(self) -> bytes:
        """Up to a line's end, with it, or to the end."""
    def recv(self, n: int) -> bytes:
        """As read(), for programs that expect a socket."""
    def write(self, data: Union[str, bytes, bytearray, memoryview]) -> int:
        """Send all of it, waiting for room. Raises OSError(ECONNRESET) when the client is gone."""
    def send(self, data: Union[str, bytes, bytearray, memoryview]) -> int:
        """Send what there is room for, once there is any. Returns how many bytes that is."""
    def settimeout(self, seconds: Union[float, None]) -> None:
        """How long reading and writing wait before OSError(ETIMEDOUT); None: without end; 0: not at all."""
    def setblocking(self, flag: bool) -> None:
        """False: settimeout(0), where OSError(EAGAIN) says that there is nothing yet; True: settimeout(None)."""
    def close(self) -> None:
        """End the connection in an orderly way: what was written still goes out."""

class Reader:
    """Request.reader: the body for async handlers, as asyncio.StreamReader has it."""

    async def readinto(self, buffer: Union[bytearray, memoryview]) -> int:
        """Fill the beginning of a buffer. Returns how many bytes of it; 0: there are no more."""
    async def read(self, n: int = -1) -> bytes:
        """What there is, at most n bytes, once there is any; b"": no more. All of it where n is negative."""
    async def readexactly(self, n: int) -> bytes:
        """Raises EOFError where there is less."""
    async def readline(self) -> bytes: ...

class Request:
    """What a handler is called with. Attributes are computed when asked for, until the answer is complete.

    A handler that returns it has the answer stay open: the program goes on with it, and calls answer() or end().
    """

    method: str
    """As sent: GET, POST…"""
    target: str
    """As sent."""
    protocol: str
    """HTTP/1.1, or HTTP/1.0 for older clients."""
    path: str
    """Decoded, dot segments gone."""
    query: dict[str, str]
    """The first of several values counts."""
    headers: Headers
    """Names in any case."""
    cookies: dict[str, str]
    """Name and value of each; the first of several values counts."""
    head: bytes
    """The raw bytes, with their empty line."""
    body: bytes
    """All here before the handler is called. Raises HTTPError(413) beyond max_body."""
    text: str
    """The body as str. Raises HTTPError(400) for what is not UTF-8, HTTPError(413) beyond max_body."""
    json: Any
    """Raises HTTPError(400) for what is not JSON."""
    form: dict[str, str]
    """Texts of an urlencoded or multipart form; the first of several values counts, files are left out."""
    client: tuple[str, int]
    """Address and port."""
    last_event_id: Union[str, None]
    """Of the last event that a browser had, which comes back to a stream of events."""
    stream: Request
    """The body for reading piece by piece, whatever its length. Beyond max_body reading waits for the client; it raises
    HTTPError(400) when the body is malformed, OSError when the client stops sending."""

    def read(self, n: int = -1) -> bytes:
        """Of the body as a stream: at most n bytes, waiting for the client; b"" at its end.

        All of it where n is negative.
        """
    def readinto(self, buffer: Union[bytearray, memoryview]) -> int:
        """The same into the beginning of a buffer. Returns how many bytes of it; 0 at the body's end."""
    def readline(self) -> bytes:
        """Up to a line's end, with it, or to the body's end."""
    def parts(self, *, max_part: int = 1048576, max_parts: int = 64) -> Parts:
        """The parts of a form, of any size, as they come: see docs/uploads.md. HTTPError(415) where it is none."""
    reader: Reader
    """The same for async handlers: it awaits where the stream waits."""
    def pull(self, where: Union[int, bytearray, memoryview], /) -> Any:
        """What is here of the body, at most so many bytes; b"" at its end; None: nothing yet. Never waits.

        Into a buffer: how many of its bytes it fills; 0 at the body's end; None: nothing yet. For tasks, which wait for
        the request to be readable, as a stream is.
        """
    def choose(
        self, size: int, etag: Union[str, None] = None, modified: Union[int, None] = None
    ) -> tuple[int, tuple[tuple[int, int], ...]]:
        """What the request's conditions and ranges leave of a representation: (status, ((offset, length), …)).

        etag has its quotes, modified is in seconds since 1970. The status is 200, 206 with ranges, 304, 412 or 416.
        """
    def accepts(self, coding: str) -> bool:
        """Whether the client takes a body in this content coding, as "gzip"."""
    def begin(
        self,
        status: int = 200,
        content_type: Union[str, None] = None,
        length: Union[int, None] = None,
        fields: Union[str, None] = None,
    ) -> None:
        """Begin the answer. `fields` are whole lines, each ended by CRLF; without `length` the body is chunked.

        "Connection: close" among the fields closes. Raises ValueError where they are malformed or contradict `length`.
        The body is written then, or given by a generator that the handler returns.
        """
    def write(self, data: Union[str, bytes, bytearray, memoryview]) -> None:
        """Send some of the body, waiting for room. Raises OSError(ECONNRESET) when the client is gone."""
    def push(self, data: Union[str, bytes, bytearray, memoryview] = ...) -> bool:
        """Send what there is room for; push() goes on with the rest. True when all of it is written."""
    def end(self) -> None:
        """End the answer that begin() began. Where less was written than its length, the connection ends with it."""
    begun: bool
    """Whether the answer has begun."""
    wanted: bool
    """Of an answer that has begun: whether its body is sent. Not to HEAD."""
    def answer(self, result: Result) -> None:
        """Answer as if the handler had returned this."""
    def fail(self, exc: BaseException) -> None:
        """Answer as if the handler had raised this."""
    def detach(self) -> Stream:
        """Take the connection over as a stream of raw bytes. Nothing may have been answered."""

class Parts:
    """What Request.parts() returns. What is left of a part is skipped when the next one begins.

    Raises HTTPError(400) where the form is malformed, 413 over a limit, 408 when the client stops sending, OSError when
    it is gone.
    """

    def __iter__(self) -> Iterator[Part]: ...
    def __next__(self) -> Part: ...
    def __aiter__(self) -> AsyncIterator[AsyncPart]: ...
    async def __anext__(self) -> AsyncPart: ...

class Part:
    """A part of a form, as `for` gives it."""

    name: str
    """Of the form's field."""
    filename: Union[str, None]
    """As the client says; None where the part is no file."""
    content_type: Union[str, None]
    """As the client says; None where it does not."""
    safe_name: str
    """The filename as one that may be used: no directories; never empty."""
    def readinto(self, buffer: Union[bytearray, memoryview]) -> int:
        """Fill the buffer. Returns how many bytes that is: less than its size only at the end, and then 0."""
    def read(self, max_size: Union[int, None] = 16384) -> bytes:
        """All of it. Raises HTTPError(413) over max_size."""
    def save(self, target: Union[str, IO[bytes]], max_size: Union[int, None] = None) -> int:
        """Write it to an open file, or replace the file of a path, as a whole or not at all. Returns its size.

        Raises HTTPError(413) over max_size, HTTPError(507) where there is no room.
        """

class AsyncPart:
    """A part of a form, as `async for` gives it."""

    name: str
    """Of the form's field."""
    filename: Union[str, None]
    """As the client says; None where the part is no file."""
    content_type: Union[str, None]
    """As the client says; None where it does not."""
    safe_name: str
    """The filename as one that may be used: no directories; never empty."""
    async def readinto(self, buffer: Union[bytearray, memoryview]) -> int:
        """As Part.readinto(), and others are served while the client sends."""
    async def read(self, max_size: Union[int, None] = 16384) -> bytes:
        """As Part.read()."""
    async def save(self, target: Union[str, IO[bytes]], max_size: Union[int, None] = None) -> int:
        """As Part.save()."""

class Response:
    body: Body
    """What is sent."""
    status: int
    """200 to 599; anything else is a ValueError when it is sent, so a 500."""
    headers: Union[Fields, None]
    """More fields: a dict, or a list of (name, value) pairs where a name repeats."""
    content_type: Union[str, None]
    """None: by the body's type, text, JSON or octets."""

    def __init__(
        self,
        body: Body = b"",
        status: int = 200,
        headers: Union[Fields, None] = None,
        content_type: Union[str, None] = None,
    ) -> None: ...
    def add_header(self, name: str, value: Any) -> None: ...
    def set_cookie(
        self,
        name: str,
        value: str = "",
        max_age: Union[int, None] = None,
        path: Union[str, None] = "/",
        domain: Union[str, None] = None,
        secure: bool = False,
        httponly: bool = True,
        samesite: Union[str, None] = "Lax",
    ) -> None:
        """Raises ValueError for what a cookie cannot hold."""
    def delete_cookie(self, name: str, path: str = "/", domain: Union[str, None] = None) -> None: ...
    @classmethod
    def of(cls, result: Result) -> Response: ...

class Handler:
    """A subclass has do_GET, do_POST…, called with what the pattern captures; they return an answer or send it."""

    request: Request
    """The request that it was made for."""
    path: str
    """The target as sent, with its query."""
    command: str
    """The method."""
    headers: Headers
    """The request's."""
    rfile: Request
    wfile: Request
    def __init__(self, request: Request) -> None: ...
    def send_response(self, code: int, message: Union[str, None] = None) -> None: ...
    def send_header(self, keyword: str, value: Any) -> None: ...
    def end_headers(self) -> None: ...
    def write(self, data: Union[str, bytes, bytearray, memoryview]) -> None: ...
    def send_error(self, code: int, message: Union[str, None] = None, explain: Union[str, None] = None) -> None: ...

class CallbackResponse:
    """What a callback answers with: send() once, or begin() and write()."""

    status: int
    """Of the answer; 200 unless it is set."""
    headers: dict[str, Any]
    """Of the answer; add to it before send() or begin()."""
    content_type: Union[str, None]
    """None: by the body's type."""
    def send(
        self,
        body: Body = b"",
        status: Union[int, None] = None,
        headers: Union[dict[str, Any], None] = None,
        content_type: Union[str, None] = None,
    ) -> None: ...
    def begin(self) -> None: ...
    def write(self, data: Union[str, bytes, bytearray, memoryview]) -> None: ...

Callback = Callable[[Request, CallbackResponse], Any]

class File:
    """What file() returns: an answer, or a Response's body."""

def file(
    path: str,
    *,
    root: Union[str, None] = None,
    content_type: Union[str, None] = None,
    max_age: Union[int, None] = None,
    download: Union[str, Literal[True], None] = None,
    twins: bool = False,
) -> File:
    """A file, as the request's conditions and ranges want it: see docs/files.md. Raises HTTPError(404)."""

def html(body: Body, status: int = 200, headers: Union[Fields, None] = None) -> Response: ...
def redirect(location: str, status: int = 302) -> Response: ...
def abort(status: int, message: Union[str, None] = None) -> NoReturn:
    """Raises HTTPError."""

def serve(function: Callback, port: int = 80, host: str = "0.0.0.0", **limits: Any) -> None: ...

class Field:
    """A sensor's field, with more than its first value.

    help and unit are shown at /metrics. Of an int, what is shown is value / scale. Of a str, size bytes are kept.
    """

    def __init__(
        self, default: Union[int, float, bool, str], help: str = "", unit: str = "", scale: int = 1, size: int = 16
    ) -> None: ...

class Sensor:
    """What Server.sensor() returns."""

    name: str
    """The last segment of its path, or what sensor(name=…) said."""
    seq: int
    """The number of the newest sample, 0 for the one that it begins with."""
    def update(self, **fields: Union[int, float, bool, str]) -> None:
        """Take a sample. Fields that are not named keep their values. Allocates nothing; also for hard interrupts.

        Raises TypeError for a field that there is not, OverflowError for an int of more than 32 bits.
        """

class Value:
    """What Server.value() returns."""

    def set(self, data: Union[str, bytes, bytearray, memoryview]) -> None:
        """Serve this from now on. Answers under way go on with what they began with."""

class Service:
    """What is announced by multicast DNS."""

    host: Union[str, None]
    """The name, such as "room.local"; None until nobody else has turned out to have it."""
    title: Union[str, None]
    conflicts: int
    """How many names others turned out to have since it was last started."""
    def start(self, port: int) -> None:
        """Raises OSError where no network interface that is up has multicast."""
    def stop(self) -> None: ...

class CaptivePortal:
    page: str
    """The path that clients are sent to."""
    answers: int
    """How many DNS questions were answered."""
    def start(self, port: int) -> None:
        """Raises OSError(EADDRINUSE) when a socket of the program has UDP port 53."""
    def stop(self) -> None: ...

class Event:
    """An event with everything said. data: a str of any number of lines, what JSON can hold, or None for none."""

    def __init__(
        self,
        data: Any = "",
        event: Union[str, None] = None,
        id: Union[str, int, None] = None,
        retry: Union[int, None] = None,
    ) -> None: ...

def events(
    source: Union[Iterable[Any], AsyncIterable[Any]],
    retry: Union[int, None] = None,
    headers: Union[dict[str, Any], None] = None,
) -> Response:
    """An answer that is a stream of events: see docs/events.md."""

Message = Union[str, bytes, bytearray, memoryview]

class WebSocket:
    """A client, as callbacks: a subclass has some of them. See docs/websocket.md."""

    request: Request
    """The handshake's, which goes on telling of it."""
    protocol: Union[str, None]
    """The subprotocol that was chosen, of those that the route and the client speak."""
    closed: Union[tuple[int, str], None]
    """(code, reason) once it is closed. 1005: the close frame had no code; 1006: the client is gone."""
    def on_open(self, request: Request, *captures: Any) -> None: ...
    def on_message(self, message: Any) -> None:
        """str of text, bytes of binary."""
    def on_close(self, code: int, reason: str) -> None: ...
    def send(self, message: Message) -> bool:
        """False when what waits for this client has to go first. Raises OSError when it is closed."""
    def close(self, code: int = 1000, reason: str = "") -> None: ...
    def ping(self) -> None:
        """Ask for a sign of life now, and not only after `ping` seconds of silence."""

class AsyncWebSocket:
    """A client, as an async function gets it."""

    request: Request
    """The handshake's, which goes on telling of it."""
    protocol: Union[str, None]
    """The subprotocol that was chosen, of those that the route and the client speak."""
    closed: Union[tuple[int, str], None]
    """(code, reason) once it is closed. 1005: the close frame had no code; 1006: the client is gone."""
    async def recv(self) -> Union[str, bytes, None]:
        """None when it is closed."""
    def __aiter__(self) -> AsyncWebSocket: ...
    async def __anext__(self) -> Union[str, bytes]: ...
    async def send(self, message: Message) -> None:
        """Waits while max_queue bytes wait. Raises OSError when it is closed."""
    async def close(self, code: int = 1000, reason: str = "") -> None: ...
    def ping(self) -> None:
        """Ask for a sign of life now, and not only after `ping` seconds of silence."""

AnyWebSocket = Union[WebSocket, AsyncWebSocket]

def broadcast(clients: Iterable[AnyWebSocket], message: Message, drop: bool = False) -> int:
    """Send to each, without waiting. A slow one misses it; with drop it is closed. Returns how many took it."""

class Room:
    """Some WebSockets. Those that are closed drop out."""

    drop: bool
    """Whether one that has no room for a message is closed (1013), or misses it."""
    def __init__(self, drop: bool = False) -> None: ...
    def add(self, ws: AnyWebSocket) -> None:
        """Take a WebSocket in."""
    def discard(self, ws: AnyWebSocket) -> None:
        """Leave it out from now on, if it is there."""
    def __iter__(self) -> Iterator[AnyWebSocket]: ...
    def __len__(self) -> int: ...
    def send(self, message: Message) -> int: ...

class Server:
    debug: bool
    """Whether tracebacks are put into answers."""
    port: int

    def __init__(
        self,
        *,
        max_connections: int = 16,
        head_buffers: int = 8,
        max_head: int = 2048,
        max_fields: int = 32,
        max_target: int = 1024,
        max_body: int = 16384,
        head_timeout: int = 10,
        progress_timeout: int = 10,
        idle_timeout: int = 30,
        queue_timeout: int = 30,
        debug: bool = False,
        secure_headers: bool = False,
    ) -> None: ...
    def route(self, path: str, methods: Iterable[str] = ("GET",)) -> Callable[[Function], Function]: ...
    def get(self, path: str) -> Callable[[Function], Function]: ...
    def post(self, path: str) -> Callable[[Function], Function]: ...
    def put(self, path: str) -> Callable[[Function], Function]: ...
    def patch(self, path: str) -> Callable[[Function], Function]: ...
    def delete(self, path: str) -> Callable[[Function], Function]: ...
    def add(self, path: str, handler: Union[type[Handler], type[WebSocket]]) -> None: ...
    def websocket(
        self,
        path: str,
        *,
        max_message: int = 4096,
        max_queue: int = 4096,
        protocols: Iterable[str] = (),
        origins: Union[Iterable[str], None] = None,
        ping: float = 20,
    ) -> Callable[[Function], Function]:
        """Serve WebSockets with an async function(ws, captures…), or with a WebSocket subclass."""
    def callback(self, function: Union[Callback, None]) -> Union[Callback, None]: ...
    def sensor(
        self,
        path: str,
        *,
        history: int = 0,
        name: Union[str, None] = None,
        **fields: Union[int, float, bool, str, Field],
    ) -> Sensor:
        """Serve values that update() sets, also while Python is busy: see docs/sensors.md."""
    def dashboard(self, prefix: str = "/", title: str = "Dashboard") -> None:
        """Serve a page that shows the sensors, live: see docs/dashboard.md. OSError where /rom has no such page."""
    def value(self, path: str, content_type: str, data: Union[str, bytes, bytearray, memoryview]) -> Value: ...
    def buffer(
        self, path: str, array: Any, content_type: str = "application/octet-stream", position: int = 0
    ) -> None: ...
    def ota(
        self,
        prefix: str = "/ota",
        root: str = "/",
        *,
        allow: Union[Callable[[Request], bool], None] = None,
        token: Union[str, None] = None,
        max_size: int = 262144,
        reset: Union[Callable[[], Any], None] = None,
    ) -> None:
        """Have PUT prefix/name replace files below root, as a whole or not at all: see docs/uploads.md."""
    def log(self, target: Union[IO[str], Callable[[str], Any], None]) -> None:
        """Give each request as a line of the Common Log Format to a file or a function; None: no longer."""
    def static(
        self,
        prefix: str,
        root: str,
        max_age: Union[int, None] = None,
        index: Union[str, None] = "index.html",
        listing: bool = False,
    ) -> None:
        """Serve the files below a directory: see docs/files.md."""
    def mount(self, prefix: str, other: Server) -> None: ...
    def advertise(
        self,
        name: Union[str, None] = None,
        service: str = "_http._tcp",
        txt: Union[dict[str, Any], None] = None,
        title: Union[str, None] = None,
    ) -> Service:
        """Be found as name.local, and in lists of services, while the server listens: see docs/network.md.

        Raises ValueError for what cannot be a name, OSError where there is no mDNS.
        """
    def captive(self, page: str = "/", names: Iterable[str] = ()) -> CaptivePortal:
        """Be every host of the access point's network, while the server listens: see docs/network.md."""
    def protect(self, prefix: str, check: Callable[[Request], Result]) -> None:
        """Let nobody at what is below a prefix unless check(request) returns None: see docs/security.md.

        Raises ValueError where routes that it is to protect are there already.
        """
    def secure(self, fields: Union[dict[str, Union[str, None]], None] = None) -> None: ...
    def cors(
        self,
        origins: Union[str, Iterable[str]] = "*",
        methods: Union[Iterable[str], None] = None,
        headers: Iterable[str] = (),
        expose: Iterable[str] = (),
        max_age: int = 600,
        credentials: bool = False,
    ) -> None: ...
    def before(self, function: Callable[[Request], Result]) -> Callable[[Request], Result]: ...
    def after(
        self, function: Callable[[Request, Response], Union[Response, None]]
    ) -> Callable[[Request, Response], Union[Response, None]]: ...
    def error(self, what: Union[int, type[BaseException]]) -> Callable[[Function], Function]: ...
    def start(self, port: int = 80, host: str = "0.0.0.0", background: bool = False) -> None: ...
    async def serve(self, port: int = 80, host: str = "0.0.0.0") -> None: ...
    def __enter__(self) -> Server: ...
    def __exit__(self, *exception: object) -> None: ...
    def poll(self, timeout_ms: int = 0) -> int: ...
    def run(self, port: int = 80, host: str = "0.0.0.0") -> Union[None, NoReturn]: ...
    def stop(self) -> None: ...
    def stats(self) -> dict[str, int]: ...
