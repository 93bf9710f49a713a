# A dashboard of sensors: live, and with their history, in every browser that looks.
#
#   make run APP=examples/dashboard.py

import gc
import time

import machine
import modhttp

app = modhttp.Server()
chip = app.sensor("/chip", history=600, celsius=modhttp.Field(0.0, help="Temperature of the processor"))
heap = app.sensor("/heap", history=600, free=modhttp.Field(0, help="Memory that Python has left", unit="bytes"))
knob = app.sensor("/knob", history=600, volts=modhttp.Field(0, help="At GP26", scale=1000))
app.dashboard(title="My board")

temperature = machine.ADC(4)  # the RP2040's own sensor
potentiometer = machine.ADC(0)

app.start(port=80, background=True)
while True:
    chip.update(celsius=27 - (temperature.read_u16() * 3.3 / 65535 - 0.706) / 0.001721)
    heap.update(free=gc.mem_free())
    knob.update(volts=potentiometer.read_u16() * 3300 // 65535)
    time.sleep(0.5)
