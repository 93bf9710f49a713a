# Routes, served between the bytecodes of a program that does something else: here, it sleeps.
# cycles: requests=curl,browser,post1k,file16k
import time

import modhttp

app = modhttp.Server()
FILE = bytes(range(256)) * 64


@app.get("/")
def hello(request):
    return "hello"


@app.post("/")
def count(request):
    return str(len(request.body))


@app.get("/file")
def file(request):
    return FILE


app.start(port=80, background=True)
while True:
    time.sleep(1)
