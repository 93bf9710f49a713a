"""CircuitPython's socketpool, as far as programs that serve need it: a pool is MicroPython's sockets."""

import socket


class SocketPool:
    """Its sockets are MicroPython's: read() and recv(), but no recv_into()."""

    AF_INET = socket.AF_INET
    SOCK_STREAM = socket.SOCK_STREAM
    SOCK_DGRAM = socket.SOCK_DGRAM

    def __init__(self, radio):
        """All interfaces share one pool."""

    def socket(self, family=AF_INET, type=SOCK_STREAM, proto=0):
        return socket.socket(family, type, proto)

    def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        return socket.getaddrinfo(host, port, family, type, proto, flags)
