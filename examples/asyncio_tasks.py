# Serving beside other tasks, under asyncio: one blinks, one measures, and neither waits for a client.
#
#   make run APP=examples/asyncio_tasks.py

import asyncio

import machine
import modhttp

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tasks</title>
<style>:root { color-scheme: light dark; font: 1.2em system-ui } body { margin: 3em auto; width: 16em }
h1 { font: 3em system-ui; font-variant-numeric: tabular-nums; margin: 0 }</style>
<h1><output id="celsius">…</output> °C</h1>
<p>The LED has changed <output id="blinks">…</output> times.
<script>
new EventSource("/chip/events").addEventListener("sample", event => {
  const chip = JSON.parse(event.data)
  celsius.value = chip.celsius.toFixed(1), blinks.value = chip.blinks
})
</script>"""

app = modhttp.Server()
app.value("/", "text/html; charset=utf-8", PAGE)
chip = app.sensor("/chip", celsius=0.0, blinks=0)
blinked = asyncio.Event()
blinks = 0


async def blink():
    global blinks
    led = machine.Pin(25, machine.Pin.OUT)
    while True:
        led.toggle()
        blinks += 1
        blinked.set()  # for those who wait now
        blinked.clear()
        await asyncio.sleep_ms(500)


async def measure():
    adc = machine.ADC(4)  # the RP2040's own temperature sensor
    while True:
        chip.update(celsius=27 - (adc.read_u16() * 3.3 / 65535 - 0.706) / 0.001721, blinks=blinks)
        await asyncio.sleep_ms(250)


@app.get("/blink")
async def next_blink(request):
    await blinked.wait()  # everything else goes on meanwhile
    return "blink %d\n" % blinks


async def main():
    asyncio.create_task(blink())
    asyncio.create_task(measure())
    await app.serve(port=80)


asyncio.run(main())
