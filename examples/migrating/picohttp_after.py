# What picohttp_before.py does, in modhttp's own API.
#
#   make run APP=examples/migrating/picohttp_after.py

import modhttp

app = modhttp.Server()
notes = {}


@app.get("/")
def index(request):
    return notes


class Note(modhttp.Handler):
    def do_GET(self, name):
        return notes[name]

    def do_PUT(self, name):
        notes[name] = self.request.text
        return 200

    def do_DELETE(self, name):
        del notes[name]
        return 200


@app.error(KeyError)
def missing(request, exc):
    return 404


app.add("/<name>", Note)
app.run(port=80)
