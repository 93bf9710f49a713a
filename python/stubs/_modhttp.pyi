"""Types of the native module, which python/modhttp is written with. Programs import modhttp instead.

What begins with an underscore is not in the module: it is only seen as another function's result.
"""

from collections.abc import Callable
from typing import Any, Union

from modhttp import Field as Field
from modhttp import Headers as Headers
from modhttp import HTTPError as HTTPError
from modhttp import Request as Request
from modhttp import Sensor as _Sensor
from modhttp import Stream as Stream

version: str
"""modhttp.__version__ of the Python layer that it goes with."""

_Bytes = Union[str, bytes, bytearray, memoryview]

class Endpoint:
    """A route's handler that C answers for. Made by the endpoint() of what it serves."""

class Server:
    """The routes and connections. render and on_error are asked for what C does not write by itself."""

    port: int
    """That it listens on; 0 when it does not."""
    routes: list[tuple[str, str, Any]]
    """(method, pattern, handler) of each."""
    fallback: Any
    """Called with what no route has, or None."""
    common: Any
    """How long the field lines are that every answer has; set to (origin, lines, lines for OPTIONS) of each origin."""
    def __init__(self, render: Callable[..., Any], on_error: Callable[..., Any], /, **limits: int) -> None: ...
    def add(self, method: str, pattern: str, handler: Any, /) -> None:
        """Raises ValueError for a malformed pattern, and for a method and pattern that are taken."""
    def sensor(self, path: str, /, *, history: int = 0, name: Union[str, None] = None, **fields: Any) -> _Sensor: ...
    def listen(self, port: int, host: str, /) -> None:
        """Raises OSError(EADDRINUSE), OSError(EHOSTUNREACH) where no network interface is up."""
    def log(self, function: Union[Callable[[str], Any], None], /) -> None:
        """Have it called with a line for each request; None: no longer."""
    def poll(self, timeout_ms: int, max: int = 16, /) -> int:
        """Handle what is ready, waiting so long for the first; negative: without end. Returns how many."""
    def close(self) -> None: ...
    def stats(self) -> dict[str, int]: ...

class Blob:
    """Bytes at a path: a value, a file in memory-mapped flash, or a buffer that changes by itself."""

    def __init__(self, content_type: str, data: Any, position_or_gzip: Any = ..., fields: Any = ..., /) -> None: ...
    def set(self, data: _Bytes, /) -> None: ...
    def endpoint(self) -> Endpoint: ...

class Metrics:
    """All sensors, as Prometheus reads them. common: how long the field lines are that every answer has."""

    sensors: list[_Sensor]
    def __init__(self, common: int, /) -> None: ...
    def add(self, sensor: _Sensor, /) -> None: ...
    def endpoint(self) -> Endpoint: ...
    def feed(self) -> Endpoint:
        """Every sample of all of them as it is taken, as Server-Sent Events: the dashboard's one connection."""

class Guard:
    """Lets who says the scheme, in lower case, and one of the token68s pass. challenge: the field lines of a 401."""

    def __init__(self, scheme: str, tokens: Any, challenge: str, /) -> None: ...
    def check(self, request: Request, /) -> int:
        """0: it may pass; else 400, 401 or 429. A failure is counted."""
    def wait(self, request: Request, /) -> int:
        """Milliseconds until its client's credentials are looked at."""
    def count(self, request: Request, passed: bool, /) -> None: ...
    def endpoint(self, inner: Endpoint, /) -> Endpoint: ...

class Form:
    """A form that is read as it comes. Raises HTTPError(415) where the request has none."""

    def __init__(self, request: Request, max_part: int, max_parts: int, /) -> None: ...
    def next(self, wait: bool, /) -> Union[bool, None]:
        """True: a part has begun; False: there are no more; None: wait for the request, and ask again."""
    def part(self) -> tuple[int, str, Union[str, None], Union[str, None]]:
        """(count, name, filename, content type) of the part that began last."""
    def readinto(self, buffer: Any, wait: bool, count: int, /) -> Union[int, None]:
        """Of the part that is the count-th; 0 at its end; None: wait for the request, and ask again."""

class Dns:
    """The captive portal's DNS server."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def answers(self) -> int: ...
    def local(self, request: Request, /) -> str:
        """The address of ours that its client talks to."""

class Mdns:
    """What is announced by multicast DNS. Not on boards without multicast."""

    def __init__(self, host: str, title: str, type: str, txt: bytes, /) -> None: ...
    def start(self, port: int, /) -> None: ...
    def stop(self) -> None: ...
    def names(self) -> tuple[str, str, int, bool]:
        """(host, title, conflicts, whether the names are known to be ours)."""

class _Socket:
    closed: Union[tuple[int, str], None]
    closing: bool
    def recv(self) -> Union[str, bytes, None]: ...
    def send(self, message: _Bytes, /) -> bool: ...
    def ping(self) -> None: ...
    def close(self, code: int, reason: str, /) -> None: ...

def offers(request: Request, protocol: str, /) -> bool: ...
def upgrade(
    request: Request, on_event: Any, max_message: int, max_queue: int, ping_ms: int, protocol: Union[str, None], /
) -> Union[_Socket, int]:
    """A WebSocket, or the status that the request is to be refused with."""

def authorization(request: Request, /) -> Union[tuple[str, Union[str, None], dict[str, bytes]], None]:
    """(scheme in lower case, token68, {parameter: value}) of the request. Raises HTTPError(400)."""

def unbase64(text: _Bytes, /) -> Union[bytes, None]: ...
def same(given: _Bytes, secret: _Bytes, /) -> bool:
    """Whether they are equal; how long it takes depends on the length of `given` alone."""

def noise(n: int, /) -> Union[bytes, None]:
    """Bytes of the machine's noise source; None where they are not plausible."""

def check_field(name: str, value: str, /) -> None:
    """Raises ValueError for what HTTP does not allow in a field."""

def reason(status: int, /) -> str: ...
def date(seconds: int, /) -> str: ...
def boot() -> int: ...
def pcbs() -> tuple[int, int, int]:
    """(active, listening, time_wait): lwIP's, in the whole stack."""

def floor(port: int, answer: Union[bytes, None], /) -> None:
    """A canned answer, for the bench; floor(0, None) ends it."""
