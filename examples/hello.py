# The least that makes a server: a page, and a path that takes a name.
#
#   make run APP=examples/hello.py

import modhttp

app = modhttp.Server()


@app.get("/")
def index(request):
    return modhttp.html("<h1>It works</h1><p>Try <a href='/hello/world'>/hello/world</a></p>")


@app.get("/hello/<name>")
def hello(request, name):
    return "hello " + name + "\n"


app.run(port=80)
