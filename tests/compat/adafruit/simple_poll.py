"""The example with a main loop of its own: it does something useful, and polls the server in between."""

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
rounds = 0


@server.route("/")
def base(request):
    return HTTPResponse(filename="/index.html")


@server.route("/rounds")
def count(request):
    return HTTPResponse(body=str(rounds))


server.start(str(wifi.radio.ipv4_address))

while True:
    try:
        rounds += 1  # something useful
        server.poll()
    except OSError:
        continue
