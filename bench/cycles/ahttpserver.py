# A program of ahttpserver.
# cycles: requests=curl,browser,post1k,file16k
import asyncio

from ahttpserver import HTTPResponse, HTTPServer

app = HTTPServer()
FILE = bytes(range(256)) * 64


async def answer(writer, body):
    response = HTTPResponse(200, "text/plain", close=False, header={"Content-Length": len(body)})
    await response.send(writer)
    writer.write(body)
    await writer.drain()


@app.route("GET", "/")
async def hello(reader, writer, request):
    await answer(writer, b"hello")


@app.route("POST", "/")
async def count(reader, writer, request):
    body = await reader.readexactly(int(request.header[b"Content-Length"]))
    await answer(writer, str(len(body)).encode())


@app.route("GET", "/file")
async def file(reader, writer, request):
    await answer(writer, FILE)


asyncio.create_task(app.start())
asyncio.get_event_loop().run_forever()
