import uasyncio as asyncio

from ahttpserver import HTTPResponse, HTTPServer, sendfile

app = HTTPServer()


@app.route("GET", "/")
async def root(reader, writer, request):
    response = HTTPResponse(200, "text/html", close=True)
    await response.send(writer)
    await sendfile(writer, "index.html")


if __name__ == "__main__":
    loop = asyncio.get_event_loop()
    asyncio.create_task(app.start())
    loop.run_forever()
