# Written for httpserver; it runs as it is. In modhttp's own API: httpserver_after.py.
#
#   make run APP=examples/migrating/httpserver_before.py

import json

import machine
from httpserver import HTTPResponse, HTTPServer

app = HTTPServer()
led = machine.Pin(25, machine.Pin.OUT, value=0)


@app.route("GET", "/led")
def show(conn, request):
    response = HTTPResponse(200, "application/json")
    response.send(conn)
    conn.write(json.dumps({"on": led.value()}))


@app.route("POST", "/led")
def switch(conn, request):
    length = int(request.header[b"Content-Length"])
    led.value(json.loads(conn.read(length))["on"])
    show(conn, request)


app.start()
