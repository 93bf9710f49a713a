# Written for ahttpserver; it runs as it is. In modhttp's own API: ahttpserver_after.py.
#
#   make run APP=examples/migrating/ahttpserver_before.py

import uasyncio as asyncio
from ahttpserver import HTTPResponse, HTTPServer
from ahttpserver.sse import EventSource

app = HTTPServer()


@app.route("GET", "/")
async def root(reader, writer, request):
    name = request.parameters.get("name", "world")
    response = HTTPResponse(200, "text/plain", close=False)
    await response.send(writer)
    writer.write("hello " + name + "\n")


@app.route("GET", "/count")
async def count(reader, writer, request):
    source = await EventSource(reader, writer)
    for number in range(3):
        await source.send(str(number), id=number)
        await asyncio.sleep(1)


asyncio.create_task(app.start())
asyncio.get_event_loop().run_forever()
