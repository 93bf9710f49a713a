# A board whose programs are replaced over the network, by who knows the token; with a log of who asked for what.
#
#   make run APP=examples/ota.py

import machine
import modhttp

VERSION = 1

app = modhttp.Server()
app.log(print)
app.ota("/ota", root=".", token="change-me", reset=machine.reset)


@app.get("/")
def index(request):
    return "version %d\n" % VERSION


app.run(port=80)
