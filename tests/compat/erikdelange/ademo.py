# What the README says of ademo.py: a main page, an event source whose handler stays alive, and two divisions by zero,
# one that the handler sees to and one that the loop's exception handler does.
import json
import time

import uasyncio as asyncio

from ahttpserver import HTTPResponse, HTTPServer, sendfile
from ahttpserver.sse import EventSource

app = HTTPServer()


@app.route("GET", "/")
async def root(reader, writer, request):
    response = HTTPResponse(200, "text/html", close=True)
    await response.send(writer)
    await sendfile(writer, "index.html")
    try:
        print(1 / 0)
    except ZeroDivisionError as e:
        print("root:", e)


@app.route("GET", "/api/time")
async def api_time(reader, writer, request):
    eventsource = await EventSource(reader, writer)
    while True:
        await asyncio.sleep_ms(200)
        t = time.localtime()
        try:
            await eventsource.send(event="time", data=f"{t[3]:02d}:{t[4]:02d}:{t[5]:02d}")
        except Exception:
            print("time: the client is gone")
            break


@app.route("GET", "/api/date")
async def api_date(reader, writer, request):
    response = HTTPResponse(200, "application/json", close=True)
    await response.send(writer)
    t = time.localtime()
    writer.write(json.dumps({"year": t[0], "month": t[1], "day": t[2]}))
    print(1 / 0)


@app.route("GET", "/api/stop")
async def api_stop(reader, writer, request):
    response = HTTPResponse(200, "text/plain", close=True)
    await response.send(writer)
    writer.write("stopping")
    raise KeyboardInterrupt


def handle_exception(loop, context):
    print("uncaught:", repr(context["exception"]))


if __name__ == "__main__":
    loop = asyncio.get_event_loop()
    loop.set_exception_handler(handle_exception)
    loop.create_task(app.start())
    try:
        loop.run_forever()
    except KeyboardInterrupt:
        pass
    finally:
        asyncio.run(app.stop())
        asyncio.new_event_loop()
