# A clock that every browser shows, over Server-Sent Events.
#
#   make run APP=examples/clock.py

import asyncio
import time

import modhttp

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Clock</title>
<style>:root { color-scheme: light dark; font: 1.2em system-ui; text-align: center }
time { font-size: 5em; font-variant-numeric: tabular-nums } .lost { opacity: .3 }</style>
<p>The board's clock
<p><time id="clock">…</time>
<script>
const source = new EventSource("/clock")
source.onmessage = event => clock.textContent = event.data
source.onopen = () => clock.className = ""
source.onerror = () => clock.className = "lost"  // the browser tries again by itself
</script>"""

app = modhttp.Server()


async def ticks(number):
    """As long as somebody looks: when the browser is gone, `finally` runs."""
    print("a clock begins at", number)
    try:
        while True:
            yield modhttp.Event("%02d:%02d:%02d" % time.localtime()[3:6], id=number)
            number += 1
            await asyncio.sleep(1)
    finally:
        print("a clock ends at", number)


@app.get("/")
def index(request):
    return modhttp.html(PAGE)


@app.get("/clock")
def clock(request):
    last = request.last_event_id  # of a browser that lost its connection
    return modhttp.events(ticks(int(last) + 1 if last else 0), retry=2000)


asyncio.run(app.serve(port=80))
