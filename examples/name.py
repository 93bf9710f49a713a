# A board that is found by its name, http://room.local, and in lists of web servers as "The cellar": on Wi-Fi
# and Ethernet. A serial line has no multicast, so the emulated board has no name.
#
#   make run APP=examples/name.py

import modhttp

app = modhttp.Server()
room = None


@app.get("/")
def index(request):
    if room is None:
        return "I have no name here\n"
    return "I am " + (room.host or "about to have a name") + "\n"


try:
    app.start(port=80)
    room = app.advertise("room", title="The cellar", txt={"path": "/"})
except OSError as exc:  # no multicast: a serial line, or this machine without a TAP device
    print(exc)
app.run(port=80)
