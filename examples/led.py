# A switch and a slider for the LED, over WebSockets: whoever looks at the page sees the others move them.
#
#   make run APP=examples/led.py

import json

import machine
import modhttp

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>LED</title>
<style>:root { color-scheme: light dark; font: 1.2em system-ui } body { margin: 3em auto; width: 16em }
#lamp { height: 8em; border-radius: 1em; border: 1px solid #888 } input { accent-color: #e90 }
#level { width: 100%; margin: 1.5em 0 1em }</style>
<div id="lamp"></div>
<input id="level" type="range" aria-label="Brightness">
<label><input id="on" type="checkbox"> On</label>
<p>Duty: <output id="duty">…</output> of 65535
<script>
function connect() {
  const ws = new WebSocket(`ws://${location.host}/led`)
  ws.onmessage = event => {
    const led = JSON.parse(event.data)
    on.checked = led.on, duty.value = led.duty
    if (!level.matches(":active")) level.value = led.level
    lamp.style.background = `rgb(255 160 0 / ${led.duty / 65535})`
  }
  on.onchange = level.oninput = () => ws.send(JSON.stringify({on: on.checked, level: +level.value}))
  ws.onclose = () => setTimeout(connect, 1000)
}
connect()
</script>"""

app = modhttp.Server()
app.value("/", "text/html; charset=utf-8", PAGE)
led = machine.PWM(machine.Pin(25), freq=1000, duty_u16=0)  # on a Pico W, an LED of your own on another pin
state = {"on": False, "level": 50, "duty": 0}
room = modhttp.Room()


@app.websocket("/led", origins=())  # only pages of this server's own
class Led(modhttp.WebSocket):
    def on_open(self, request):
        room.add(self)
        self.send(json.dumps(state))

    def on_message(self, message):
        change = json.loads(message)
        state["on"] = bool(change["on"])
        state["level"] = max(0, min(100, int(change["level"])))
        led.duty_u16(65535 * state["level"] // 100 if state["on"] else 0)
        state["duty"] = led.duty_u16()  # as the hardware has it
        room.send(json.dumps(state))  # a slow client misses this, and nobody waits for it


app.run(port=80)
