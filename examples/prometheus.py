# Figures for Prometheus, at /metrics, from C: they are answered even while Python sleeps. In prometheus.yml:
#
#   scrape_configs:
#     - job_name: pico
#       static_configs: [{targets: ["localhost:8080"]}]
#
#   make run APP=examples/prometheus.py

import gc
import time

import machine
import modhttp

app = modhttp.Server()
chip = app.sensor(
    "/chip",
    temperature=modhttp.Field(0.0, help="Of the processor", unit="celsius"),
    free=modhttp.Field(0, help="Heap that Python has left", unit="bytes"),
    loops=modhttp.Field(0, help="Rounds of the program"),
)
app.value("/", "text/html", "See <a href='/metrics'>/metrics</a>")
adc = machine.ADC(4)  # the RP2040's own temperature sensor

app.start(port=80)
loops = 0
while True:
    loops += 1
    celsius = 27 - (adc.read_u16() * 3.3 / 65535 - 0.706) / 0.001721
    chip.update(temperature=celsius, free=gc.mem_free(), loops=loops)
    time.sleep(1)
