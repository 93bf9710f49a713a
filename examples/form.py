# A form that answers to the browser's POST, and says hello to the ?name= of a link.
#
#   make run APP=examples/form.py

import modhttp

app = modhttp.Server()

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>A form</title>
<style>:root { color-scheme: light dark; font: 1.1em system-ui } body { margin: 3em auto; width: 18em }
h1 { font-size: 1.5em } input, button { font: inherit; width: 100%%; box-sizing: border-box; padding: .5em }
input { margin: .2em 0 1em } button { background: #0f766e; color: #fff; border: 0; border-radius: .4em }</style>
<h1>%s</h1>
<form method="post">
  <label>Your name <input name="name" required autofocus></label>
  <button>Say hello</button>
</form>
"""


def escape(text):
    for character, entity in ("&", "&amp;"), ("<", "&lt;"), ('"', "&quot;"):
        text = text.replace(character, entity)
    return text


@app.get("/")
def ask(request):
    return modhttp.html(PAGE % escape("Hello, " + request.query.get("name", "whoever you are")))


@app.post("/")
def answer(request):
    return modhttp.html(PAGE % escape("Hello, " + request.form.get("name", "nobody")))


app.run(port=80)
