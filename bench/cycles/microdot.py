# A program of Microdot, which closes each connection.
# cycles: requests=curl,browser,post1k,file16k package=microdot
from microdot import Microdot

app = Microdot()
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


app.run(port=80)
