# A decorated route that returns a short str.
# cycles: path=/ requests=curl,browser
import modhttp

app = modhttp.Server()


@app.get("/")
def hello(request):
    return "hello"


app.run(port=80)
