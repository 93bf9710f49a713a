# A switch and a slider that all who look at the page see move, over WebSockets: as callbacks, so run() is all it needs.

import json

import machine
import modhttp

PAGE = """<!doctype html><meta charset=utf-8><title>LED</title>
<h1>LED</h1>
<p><button id=on>?</button> <input id=level type=range> <output id=shown></output>
<script>
const show = s => { on.textContent = s.on ? "on" : "off"; level.value = shown.value = s.level }
function open_socket() {
  const ws = new WebSocket(`ws://${location.host}/led`)
  ws.onmessage = event => show(JSON.parse(event.data))
  ws.onclose = () => setTimeout(open_socket, 1000)
  on.onclick = () => ws.send(JSON.stringify({on: on.textContent == "off"}))
  level.oninput = () => ws.send(JSON.stringify({level: +level.value}))
}
open_socket()
</script>"""

app = modhttp.Server()
led = machine.Pin(25, machine.Pin.OUT)
state = {"on": False, "level": 50}
room = modhttp.Room()


@app.get("/")
def index(request):
    return modhttp.html(PAGE)


@app.websocket("/led", max_message=200, origins=())  # only pages of this server's own
class Led(modhttp.WebSocket):
    def on_open(self, request):
        room.add(self)
        self.send(json.dumps(state))

    def on_message(self, message):
        change = json.loads(message)
        state["on"] = bool(change.get("on", state["on"]))
        state["level"] = max(0, min(100, int(change.get("level", state["level"]))))
        led.value(state["on"])
        room.send(json.dumps(state))  # a slow one misses this, and waits for nobody


app.run(port=80)
