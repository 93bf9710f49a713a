# Sets up a board without a display: an access point of its own, where a phone that joins is shown a page that asks for
# the Wi-Fi's name and password. They are kept in wifi.json, for main.py to connect with.

import json

import modhttp
import network

app = modhttp.Server()

PAGE = """<!doctype html>
<meta name="viewport" content="width=device-width">
<title>Set me up</title>
<h1>%s</h1>
<form method="post" action="/">
  <p><label>Wi-Fi <input name="ssid" maxlength="32" required autofocus></label>
  <p><label>Password <input name="password" type="password" maxlength="63"></label>
  <p><button>Connect</button>
</form>
"""


@app.get("/")
def ask(request):
    return modhttp.html(PAGE % "Which Wi-Fi shall I join?")


@app.post("/")
def keep(request):
    form = request.form
    if not form.get("ssid"):
        return modhttp.html(PAGE % "A Wi-Fi has a name."), 400
    with open("wifi.json", "w") as file:
        json.dump({"ssid": form["ssid"], "password": form.get("password", "")}, file)
    print("kept: restart the board to join")
    return modhttp.html("<!doctype html><title>Done</title><h1>Thank you. Restart me.</h1>")


def open_access_point():
    wlan = network.WLAN(network.WLAN.IF_AP)
    wlan.config(ssid="Set me up", security=0)
    wlan.active(True)


if hasattr(network, "WLAN"):  # the emulated board has a serial line
    open_access_point()
portal = app.captive(names=("localhost", "127.0.0.1"))  # which `make run` forwards to the board
app.run(port=80)
