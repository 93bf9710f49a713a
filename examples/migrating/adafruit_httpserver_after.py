# What adafruit_httpserver_before.py does, in modhttp's own API.
#
#   make run APP=examples/migrating/adafruit_httpserver_after.py

import machine
import modhttp

app = modhttp.Server()
visits = 0


@app.get("/")
def index(request):
    megahertz = machine.freq() // 1_000_000
    return "%d MHz\n" % megahertz


@app.post("/visits")
def visit(request):
    global visits
    visits += 1
    return "visit %d\n" % visits, 201


app.start(port=80)
while True:
    app.poll()
