# Coroutines, served in asyncio's loop.
# cycles: requests=curl,browser,post1k,file16k
import asyncio

import modhttp

app = modhttp.Server()
FILE = bytes(range(256)) * 64


@app.get("/")
async def hello(request):
    return "hello"


@app.post("/")
async def count(request):
    return str(len(request.body))


@app.get("/file")
async def file(request):
    return FILE


asyncio.run(app.serve(port=80))
