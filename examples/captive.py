# A board without a display is set up: where no Wi-Fi takes it, it opens its own, with a page that asks which to join.
#
#   make run APP=examples/captive.py

import json
import os
import time

import modhttp
import network

WLAN = getattr(network, "WLAN", None)  # the emulated board has none
app = modhttp.Server()
PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>Set me up</title>
<style>:root { color-scheme: light dark; font: 1.1em system-ui } body { margin: 3em auto; width: 18em }
h1 { font-size: 1.5em } input, button { font: inherit; width: 100%%; box-sizing: border-box; padding: .5em }
input { margin: .2em 0 1em } button { background: #0f766e; color: #fff; border: 0; border-radius: .4em }</style>
<h1>%s</h1>
<form method="post">
<label>Wi-Fi <input name="ssid" maxlength="32" required autofocus></label>
<label>Password <input name="password" type="password" maxlength="63"></label>
<button>Connect</button></form>"""


@app.get("/")
def ask(request):
    return modhttp.html(PAGE % "Which Wi-Fi shall I join?")


@app.post("/")
def keep(request):
    form = request.form
    if not form.get("ssid"):
        return modhttp.html(PAGE % "A Wi-Fi has a name."), 400
    with open("wifi.json", "w") as file:
        json.dump([form["ssid"], form.get("password", "")], file)
    return modhttp.html(PAGE % "Thank you. Restart me.")


def join():
    if not WLAN or "wifi.json" not in os.listdir():
        return False
    wlan = WLAN(WLAN.IF_STA)
    wlan.active(True)
    with open("wifi.json") as file:
        wlan.connect(*json.load(file))
    deadline = time.time() + 15
    while not wlan.isconnected() and time.time() < deadline:
        time.sleep_ms(100)
    return wlan.isconnected()


if not join():  # there is no Wi-Fi that takes us
    if WLAN:
        wlan = WLAN(WLAN.IF_AP)
        wlan.config(ssid="Set me up", security=0)
        wlan.active(True)
    app.captive(names=("localhost", "127.0.0.1"))  # which `make run` forwards to the board
app.run(port=80)
