# Sets up a board without a display. Until it knows a Wi-Fi it opens one of its own: a phone that joins that is shown
# a page that asks for the Wi-Fi to use. The answer is kept in wifi.json, for the next start.
#
#   make run APP=examples/captive.py

import json

import modhttp
import network

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>Set me up</title>
<style>:root { color-scheme: light dark; font: 1.1em system-ui } body { margin: 3em auto; width: 18em }
h1 { font-size: 1.5em } input, button { font: inherit; width: 100%%; box-sizing: border-box; padding: .5em }
input { margin: .2em 0 1em } button { background: #0f766e; color: #fff; border: 0; border-radius: .4em }</style>
<h1>%s</h1>
"""
FORM = """<form method="post">
<label>Wi-Fi <input name="ssid" maxlength="32" required autofocus></label>
<label>Password <input name="password" type="password" maxlength="63"></label>
<button>Connect</button></form>"""

app = modhttp.Server()


@app.get("/")
def ask(request):
    return modhttp.html(PAGE % "Which Wi-Fi shall I join?" + FORM)


@app.post("/")
def keep(request):
    form = request.form
    if not form.get("ssid"):
        return modhttp.html(PAGE % "A Wi-Fi has a name." + FORM), 400
    with open("wifi.json", "w") as file:
        json.dump([form["ssid"], form.get("password", "")], file)
    print("kept: restart the board to join")
    return modhttp.html(PAGE % "Thank you. Restart me.")


def known_wifi():
    try:
        with open("wifi.json") as file:
            return json.load(file)
    except OSError:
        return None


wifi = known_wifi()
if hasattr(network, "WLAN"):  # the emulated board has none
    wlan = network.WLAN(network.WLAN.IF_STA if wifi else network.WLAN.IF_AP)
    if not wifi:
        wlan.config(ssid="Set me up", security=0)
    wlan.active(True)
    if wifi:
        wlan.connect(*wifi)
if not wifi:
    app.captive(names=("localhost", "127.0.0.1"))  # which `make run` forwards to the board
app.run(port=80)
