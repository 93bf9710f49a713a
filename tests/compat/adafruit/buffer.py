"""A longer request buffer, set before the server starts."""

import socketpool
import wifi
from adafruit_httpserver import HTTPResponse, HTTPServer

pool = socketpool.SocketPool(wifi.radio)
server = HTTPServer(pool)
print("the default is", server.request_buffer_size)
server.request_buffer_size = 4096


@server.route("/", "PUT")
def measure(request):
    return HTTPResponse(body=str(len(request.raw_request)))


server.serve_forever(str(wifi.radio.ipv4_address))
