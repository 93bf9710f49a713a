# adafruit_httpserver as its authors release it for CircuitPython, on MicroPython's sockets. It closes each connection.
# cycles: requests=curl,browser,post1k,file16k package=adafruit_httpserver
import builtins
import socket
import sys
import time


class Time:
    monotonic = staticmethod(lambda: time.ticks_ms() / 1000)
    monotonic_ns = staticmethod(lambda: time.ticks_us() * 1000)
    sleep = time.sleep


class Traceback:
    print_exception = sys.print_exception


class TimeoutError(OSError):
    pass


class Socket:
    """A socket with recv_into(). At the end of a stream that is a time-out: the release would ask for more for ever."""

    def __init__(self, *args):
        self.socket = args[0] if len(args) == 1 else socket.socket(*args)
        for name in ("setsockopt", "bind", "listen", "setblocking", "settimeout", "send", "close"):
            setattr(self, name, getattr(self.socket, name))

    def accept(self):
        client, address = self.socket.accept()
        return Socket(client), address

    def recv_into(self, buffer, size):
        data = self.socket.recv(size)
        if not data:
            raise TimeoutError
        buffer[: len(data)] = data
        return len(data)


class Pool:
    AF_INET, SOCK_STREAM = socket.AF_INET, socket.SOCK_STREAM
    SOL_SOCKET, SO_REUSEADDR = socket.SOL_SOCKET, socket.SO_REUSEADDR
    getaddrinfo = staticmethod(socket.getaddrinfo)
    socket = Socket


# What CircuitPython has, and the release imports.
sys.modules["time"] = Time
sys.modules["traceback"] = Traceback
builtins.TimeoutError = TimeoutError
from adafruit_httpserver import Response, Server  # noqa: E402

server = Server(Pool)
FILE = bytes(range(256)) * 64


@server.route("/")
def hello(request):
    return Response(request, "hello")


@server.route("/", "POST")
def count(request):
    return Response(request, str(len(request.body)))


@server.route("/file")
def file(request):
    return Response(request, FILE)


server.serve_forever("0.0.0.0", 80)
