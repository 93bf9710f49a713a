# The program that test_sensors.py and test_values.py talk to. What a test wants done it sends, as Python.

from array import array

import modhttp
import uctypes

app = modhttp.Server()
inf = float("inf")
nan = float("nan")

room = app.sensor("/api/room", history=5, celsius=20.5, humidity=40, door=False, who="nobody")
volts = app.sensor("/volts", history=2000, volts=modhttp.Field(1500, "Supply", "volts", scale=1000), noise=0)
events = app.sensor("/tick", history=20, n=0, same=0, text=modhttp.Field("", size=100))
lab = app.sensor("/lab_air", co2=400)
text = app.sensor("/text", text=modhttp.Field("", size=7))
value = app.value("/value", "text/plain; charset=utf-8", "blåbær")
ring = bytearray(b"0123456789abcdef" * 64)
position = array("I", [0])
app.buffer("/ring", ring, "application/x-samples", uctypes.addressof(position))
words = array("H", range(1000))
app.buffer("/words", words)


def burst(count):
    """So many samples without a pause."""
    for _ in range(count):
        n = events.seq + 1
        events.update(n=n, same=n)
    return events.seq


@app.post("/eval")
def evaluate(request):
    """The expression's value, or what it raises."""
    try:
        return {"value": eval(request.text)}
    except Exception as exc:
        return {"raised": "%s: %s" % (type(exc).__name__, exc)}


@app.post("/exec")
def execute(request):
    exec(request.text, globals())
    return 204


@app.get("/python")
def python(request):
    return "from Python"


app.run(port=80)
