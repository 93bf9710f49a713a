# One LED, served in the three styles that there are: functions, classes, one callback. They may be mixed.
#
#   make run APP=examples/three_faces.py

import machine
import modhttp

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>Three faces</title>
<style>:root { color-scheme: light dark; font: 1.1em system-ui } body { margin: 3em auto; width: 16em }
button { font: inherit; width: 100%; padding: .5em; margin: 2px 0; background: #0f766e; color: #fff; border: 0 }</style>
<h1>The LED is <output id="led">…</output></h1>
<button>/function</button><button>/class</button><button>/callback</button>
<script>
const show = async path => led.value = (await (await fetch(path)).json()).on ? "on" : "off"
for (const button of document.querySelectorAll("button")) button.onclick = async () => {
  await fetch(button.textContent, {method: "PUT", body: JSON.stringify({on: led.value == "off"})})
  show(button.textContent)
}
show("/function")
</script>"""

app = modhttp.Server()
app.value("/", "text/html; charset=utf-8", PAGE)
led = machine.Pin(25, machine.Pin.OUT, value=0)


@app.get("/function")  # 1: a function for a path
def show(request):
    return {"on": bool(led.value())}


@app.put("/function")
def switch(request):
    led.value(request.json["on"])
    return 204


class Led(modhttp.Handler):  # 2: a class for a path, as in the standard library's http.server
    def do_GET(self):
        return {"on": bool(led.value())}

    def do_PUT(self):
        led.value(self.request.json["on"])
        return 204


app.add("/class", Led)


@app.callback  # 3: one function for all that is left
def everything(request, response):
    if request.method == "PUT":
        led.value(request.json["on"])
        response.send(status=204)
    else:
        response.send({"on": bool(led.value())})


app.run(port=80)
