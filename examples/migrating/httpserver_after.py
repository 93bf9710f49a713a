# What httpserver_before.py does, in modhttp's own API.
#
#   make run APP=examples/migrating/httpserver_after.py

import machine
import modhttp

app = modhttp.Server()
led = machine.Pin(25, machine.Pin.OUT, value=0)


@app.get("/led")
def show(request):
    return {"on": led.value()}


@app.post("/led")
def switch(request):
    led.value(request.json["on"])
    return show(request)


app.run(port=80)
