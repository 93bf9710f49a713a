# Written for CircuitPython's adafruit_httpserver; it runs as it is. In modhttp's own API: adafruit_httpserver_after.py.
#
#   make run APP=examples/migrating/adafruit_httpserver_before.py

import microcontroller
import socketpool
import wifi
from adafruit_httpserver import HTTPResponse, HTTPServer, HTTPStatus

pool = socketpool.SocketPool(wifi.radio)
server = HTTPServer(pool)
visits = 0


@server.route("/")
def index(request):
    return HTTPResponse(body="%d MHz\n" % (microcontroller.cpu.frequency // 1_000_000))


@server.route("/visits", "POST")
def visit(request):
    global visits
    visits += 1
    return HTTPResponse(status=HTTPStatus(201, "Created"), body="visit %d\n" % visits)


server.start(str(wifi.radio.ipv4_address))
while True:
    server.poll()
