"""The library's first example: a page from a file, and every other file by its name."""

from secrets import secrets

import socketpool
import wifi
from adafruit_httpserver import HTTPResponse, HTTPServer

ssid = secrets["ssid"]
print("Connecting to", ssid)
wifi.radio.connect(ssid, secrets["password"])
print("Connected to", ssid)
print(f"Listening on http://{wifi.radio.ipv4_address}:80")

pool = socketpool.SocketPool(wifi.radio)
server = HTTPServer(pool)


@server.route("/")
def base(request):
    return HTTPResponse(filename="/index.html")


# Never returns
server.serve_forever(str(wifi.radio.ipv4_address))
