# The README's event source in a program: it sleeps without await, so it greets as fast as the client listens.
import uasyncio as asyncio

from ahttpserver import HTTPResponse, HTTPServer, sendfile
from ahttpserver.sse import EventSource

app = HTTPServer()


@app.route("GET", "/")
async def root(reader, writer, request):
    response = HTTPResponse(200, "text/html", close=True)
    await response.send(writer)
    await sendfile(writer, "index.html")


@app.route("GET", "/api/greeting")
async def api_greeting(reader, writer, request):
    # Say hello every 5 seconds
    eventsource = await EventSource(reader, writer)
    while True:
        asyncio.sleep(5)
        try:
            await eventsource.send(event="greeting", data="hello")
        except Exception as e:  # catch (a.o.) ECONNRESET when the client has disappeared
            break  # close connection#


@app.route("GET", "/api/free")
async def api_free(reader, writer, request):
    import gc

    gc.collect()
    await HTTPResponse(200, "text/plain").send(writer)
    writer.write(str(gc.mem_free()))


if __name__ == "__main__":
    loop = asyncio.get_event_loop()
    asyncio.create_task(app.start())
    loop.run_forever()
