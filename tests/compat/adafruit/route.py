"""The documentation's example of route(), with a path and a method, and sockets that are MicroPython's."""

import socket

from adafruit_httpserver import HTTPResponse, HTTPServer

server = HTTPServer(socket)
path, method = "/hello", "POST"


@server.route(path, method)
def route_func(request):
    raw_text = request.raw_request.decode("utf8")
    print("Received a request of length", len(raw_text), "bytes")
    return HTTPResponse(body="hello world")


server.serve_forever("0.0.0.0", 8080)
