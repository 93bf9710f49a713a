# A form that answers to the browser's POST, and says hello to the ?name= of a link.
#
#   make run APP=examples/form.py

import modhttp

app = modhttp.Server()

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>A form</title>
<style>:root { color-scheme: light dark; font: 1.2em system-ui } body { margin: 3em auto; width: 16em }
input, button { font: inherit; width: 100%%; box-sizing: border-box; padding: .4em; margin: .2em 0 1em }</style>
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
