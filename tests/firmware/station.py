# A measuring station under asyncio: it blinks, samples and serves, each in tasks of their own, and keeps time.
#
#   GET /                     a page that shows all of it, live
#   GET /now                  the latest second: least, mean and greatest temperature
#   GET /samples?last=N       so many of the latest 500 samples, oldest first
#   GET /events               the latest second, each second, as server-sent events
#   PUT /blink/250            the LED changes every so many milliseconds
#   GET /timing               how far from their time samples and blinks came
#   DELETE /timing            forget that

import asyncio
import gc
import json
import time
from array import array

import machine
import modhttp

SAMPLE_MS = 20
KEPT = 500  # samples
SECOND = 1000 // SAMPLE_MS

app = modhttp.Server()
led = machine.Pin(25, machine.Pin.OUT)
sensor = machine.ADC(4)  # the RP2040's own temperature sensor


# ---- keeping time


class Timing:
    """How far from their time things came, counted in steps of a quarter of a millisecond."""

    STEP = 250  # microseconds

    def __init__(self):
        self.forget()

    def forget(self):
        self.counts = array("H", bytes(2 * 100))
        self.count = self.worst = 0

    def add(self, us):
        self.count += 1
        self.worst = max(us, self.worst)
        self.counts[min(us // self.STEP, len(self.counts) - 1)] += 1

    def percentile(self, percent):
        """Microseconds that so many of a hundred did not exceed."""
        wanted = self.count * percent // 100
        for step, count in enumerate(self.counts):
            wanted -= count
            if wanted <= 0:
                return min((step + 1) * self.STEP, self.worst)

    def summary(self):
        return {"count": self.count, "p50": self.percentile(50), "p99": self.percentile(99), "worst": self.worst}


class Metronome:
    """`await metronome.tick()` comes back at even times, however long the work in between took."""

    def __init__(self, ms):
        self.period = 1000 * ms
        self.due = time.ticks_us()
        self.timing = Timing()

    async def tick(self):
        self.due = time.ticks_add(self.due, self.period)
        left = time.ticks_diff(self.due, time.ticks_us())
        if left < -self.period:  # too late for this one: start over
            self.due = time.ticks_us()
            left = 0
        await asyncio.sleep_ms((left + 500) // 1000)
        self.timing.add(abs(time.ticks_diff(time.ticks_us(), self.due)))


sampling = Metronome(SAMPLE_MS)
blinking = Metronome(500)


# ---- the tasks


class Samples:
    """The latest readings in a ring, and the latest second's figures."""

    def __init__(self):
        self.ring = array("H", bytes(2 * KEPT))
        self.taken = 0
        self.second = {}
        self.renewed = asyncio.Event()

    def add(self, reading):
        self.ring[self.taken % KEPT] = reading
        self.taken += 1
        if self.taken % SECOND == 0:
            self.sum_up()

    def sum_up(self):
        latest = [self.ring[i % KEPT] for i in range(self.taken - SECOND, self.taken)]
        self.second = {
            "second": self.taken // SECOND,
            "least": celsius(max(latest)),
            "mean": celsius(sum(latest) / SECOND),
            "greatest": celsius(min(latest)),
        }
        self.renewed.set()  # for those who wait now
        self.renewed.clear()

    def last(self, count):
        ring, end = self.ring[:], self.taken  # as they are now, whatever comes while they are sent
        for i in range(end - min(count, end, KEPT), end):
            yield celsius(ring[i % KEPT])


def celsius(reading):
    """As the RP2040's datasheet has it in section 4.9.5: the higher the reading, the colder."""
    return round(27 - (reading * 3.3 / 65535 - 0.706) / 0.001721, 2)


samples = Samples()


async def sample():
    while True:
        await sampling.tick()
        samples.add(sensor.read_u16())


async def blink():
    while True:
        await blinking.tick()
        led.value(not led.value())


# ---- what is served


@app.get("/now")
def now(request):
    return samples.second


@app.get("/samples")
def some(request):
    count = request.query.get("last", "10")
    if not count.isdigit() or not 1 <= int(count) <= KEPT:
        raise modhttp.HTTPError(400, "last is 1 to %d" % KEPT)
    request.begin(200, "application/json")
    return pieces(samples.last(int(count)))


async def pieces(numbers):
    """A handler that takes long gives way now and then: no task waits longer than for five of its numbers."""
    text = "["
    for i, number in enumerate(numbers):
        text += ", %.2f" % number if i else "%.2f" % number
        if i % 5 == 4:
            yield text
            text = ""
            await asyncio.sleep_ms(0)
    yield text + "]"


@app.put("/blink/<int:ms>")
def set_blink(request, ms):
    if not 20 <= ms <= 10000:
        raise modhttp.HTTPError(400, "the LED changes every 20 to 10000 ms")
    blinking.period = 1000 * ms  # from the next change on
    return 204


@app.get("/timing")
def timing(request):
    return {"samples": sampling.timing.summary(), "blinks": blinking.timing.summary()}


@app.delete("/timing")
def forget(request):
    sampling.timing.forget()
    blinking.timing.forget()
    return 204


@app.get("/events")
async def events(request):
    request.begin(200, "text/event-stream", fields="Cache-Control: no-store\r\n")
    while True:
        await samples.renewed.wait()
        yield "data: %s\n\n" % json.dumps(samples.second)


@app.get("/")
def index(request):
    return modhttp.html(PAGE)


PAGE = """<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Station</title>
<style>body { font: 1.2em sans-serif; margin: 2em } output { font-size: 3em; display: block }</style>
<h1>Station</h1>
<output id="mean">–</output>
<p>between <b id="least"></b> and <b id="greatest"></b> °C in the latest second
<p><label>The LED changes every <input id="ms" type="number" value="500" min="20" max="10000"> ms</label>
<script>
new EventSource("/events").onmessage = (event) => {
  const second = JSON.parse(event.data);
  for (const name of ["mean", "least", "greatest"]) document.getElementById(name).textContent = second[name];
};
ms.onchange = () => fetch("/blink/" + ms.value, {method: "PUT"});
</script>
"""


async def main():
    asyncio.create_task(sample())
    asyncio.create_task(blink())
    await app.serve(port=80)


gc.collect()
asyncio.run(main())
