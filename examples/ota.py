# A board whose programs are replaced over the network, by who knows the token; with a log of who asked for what.
#
#   GET /                                                                   what runs now
#   curl --oauth2-bearer change-me -T new.py "localhost:8080/ota/main.py?reset"

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
