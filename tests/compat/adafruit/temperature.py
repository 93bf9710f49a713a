"""The example with a sensor: the processor's temperature as text."""

from secrets import secrets

import microcontroller
import socketpool
import wifi
from adafruit_httpserver import HTTPResponse, HTTPServer

wifi.radio.connect(secrets["ssid"], secrets["password"])

pool = socketpool.SocketPool(wifi.radio)
server = HTTPServer(pool)


@server.route("/temperature")
def base(request):
    return HTTPResponse(body=f"{str(microcontroller.cpu.temperature)}")


server.serve_forever(str(wifi.radio.ipv4_address))
