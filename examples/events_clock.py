# A clock that every browser shows, over Server-Sent Events.
#
#   curl -N localhost:8080/clock

import asyncio
import time

import modhttp

PAGE = """<!doctype html><meta charset=utf-8><title>Clock</title>
<h1 id=clock>…</h1>
<script>
const source = new EventSource("/clock")
source.onmessage = event => clock.textContent = event.data
source.onerror = () => clock.textContent = "…"
</script>"""

app = modhttp.Server()


async def clock(number):
    """As long as somebody looks: when the browser is gone, `finally` runs."""
    print("a clock begins at", number)
    try:
        while True:
            text = "%04d-%02d-%02d %02d:%02d:%02d" % time.localtime()[:6]
            yield modhttp.Event(text, id=number)
            number += 1
            await asyncio.sleep(1)
    finally:
        print("a clock ends at", number)


@app.get("/")
def index(request):
    return modhttp.html(PAGE)


@app.get("/clock")
def get_clock(request):
    seen = request.last_event_id  # of a browser that lost its connection
    return modhttp.events(clock(int(seen) + 1 if seen else 0), retry=2000)


asyncio.run(app.serve(port=80))
