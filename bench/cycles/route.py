# A decorated route that returns a short str.
# cycles: requests=curl,browser,post1k,file16k
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


app.run(port=80)
