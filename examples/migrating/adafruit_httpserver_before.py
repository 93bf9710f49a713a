# Written for CircuitPython's adafruit_httpserver; it runs as it is. In modhttp's own API: adafruit_httpserver_after.py.
#
#   make run APP=examples/migrating/adafruit_httpserver_before.py

import microcontroller
import socketpool
import wifi
from adafruit_httpserver import HTTPResponse, HTTPServer

pool = socketpool.SocketPool(wifi.radio)
server = HTTPServer(pool)
visits = 0


@server.route("/")
def index(request):
    megahertz = microcontroller.cpu.frequency // 1_000_000
    return HTTPResponse(body="%d MHz\n" % megahertz)


@server.route("/visits", "POST")
def visit(request):
    global visits
    visits += 1
    body = "visit %d\n" % visits
    return HTTPResponse(body=body, status=(201, "Created"))


server.start(str(wifi.radio.ipv4_address))
while True:
    server.poll()
