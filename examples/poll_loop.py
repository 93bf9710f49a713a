# Serving from inside a program's own loop: poll() handles what has come, and returns.
#
#   make run APP=examples/poll_loop.py

import time

import machine
import modhttp

app = modhttp.Server()
led = machine.Pin(25, machine.Pin.OUT)
period = 500  # milliseconds


@app.get("/")
def show(request):
    return {"period": period, "led": led.value()}


@app.put("/period/<int:ms>")
def set_period(request, ms):
    global period
    if not 10 <= ms <= 10000:
        raise modhttp.HTTPError(400, "the period is 10 to 10000 ms")
    period = ms
    return 204


app.start(port=80)
switched = time.ticks_ms()
while True:
    if time.ticks_diff(time.ticks_ms(), switched) >= period:
        led.toggle()
        switched = time.ticks_add(switched, period)
    app.poll(timeout_ms=10)
