# What europi_before.py does, in modhttp's own API.
#
#   make run APP=examples/migrating/europi_after.py

import modhttp

app = modhttp.Server()
song = {"tempo": 120, "swing": 0}
steps = 0


@app.get("/")
def show(request):
    return song


@app.post("/")
def change(request):
    song.update(request.json)  # what is no JSON gets 400
    return song


app.start(port=80)
while True:
    steps += 1  # what the module does all the time
    app.poll()
