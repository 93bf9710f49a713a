# The dashboard, with sensors of the machine that serves it. It runs unchanged on a board and on the host.
#
#   GET /            the dashboard
#   GET /api/chip    a sensor's newest sample; /api/chip?last=60, /api/chip.csv, /api/chip/events
#   GET /api/status  the server's figures
#   PUT /api/led     {"on": true} switches the LED

import gc
import time

import machine
import modhttp
from modhttp import Field

PERIOD = 500  # milliseconds

app = modhttp.Server()
led = machine.Pin(25, machine.Pin.OUT, value=0)  # the LED of a Pico
temperature = machine.ADC(4)  # the RP2040's own temperature sensor
knob = machine.ADC(0)  # at GP26, such as a potentiometer
due = time.ticks_us()

chip = app.sensor("/api/chip", history=600, celsius=Field(0.0, help="Of the RP2040 itself"))
turned = app.sensor("/api/knob", history=600, volts=Field(0, help="At GP26", scale=1000))
heap = app.sensor("/api/heap", history=600, free=Field(0, help="Of Python's memory", unit="bytes"))
timing = app.sensor(
    "/api/timing",
    history=600,
    work=Field(0.0, help="What it takes to take the samples", unit="ms"),
    late=Field(0.0, help="How long they had to wait for other things", unit="ms"),
)
lamp = app.sensor("/api/led", on=False, switched_by="nobody")

app.dashboard(title="modhttp")


def celsius():
    """As the RP2040's datasheet has it in section 4.9.5."""
    return 27 - (temperature.read_u16() * 3.3 / 65535 - 0.706) / 0.001721


def sample(timer):
    global due
    start = time.ticks_us()
    late = time.ticks_diff(start, due)
    if not 0 <= late < PERIOD * 1000:  # the earliest says when they are due
        late, due = 0, start
    due = time.ticks_add(due, PERIOD * 1000)
    chip.update(celsius=celsius())
    turned.update(volts=knob.read_u16() * 3300 // 65535)
    heap.update(free=gc.mem_free())
    timing.update(work=time.ticks_diff(time.ticks_us(), start) / 1000, late=late / 1000)


@app.get("/api/status")
def status(request):
    stats = app.stats()
    stats["celsius"] = round(celsius(), 2)
    return stats


@app.put("/api/led")
def switch(request):
    wanted = request.json
    if not isinstance(wanted, dict) or not isinstance(wanted.get("on"), bool):
        raise modhttp.HTTPError(400, 'expected {"on": true} or {"on": false}')
    led.value(wanted["on"])
    lamp.update(on=wanted["on"], switched_by=request.client[0])
    return {"on": bool(led.value())}


timer = machine.Timer(-1, period=PERIOD, callback=sample)
app.run(port=80)
