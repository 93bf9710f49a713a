# A file manager: a page that lists what is in flash, takes uploads of any size, and deletes. Downloads resume.
#
#   make run APP=examples/files.py

import os

import modhttp

ROOT = "files"
PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>Files</title>
<style>:root { color-scheme: light dark; font: 1.1em system-ui } body { margin: 3em auto; width: 26em; max-width: 90% }
table { width: 100%; border-collapse: collapse } td { padding: .5em 0; border-bottom: 1px solid #8884 }
button { background: #0f766e; color: #fff; border: 0; border-radius: .3em; padding: .3em .8em }</style>
<h1>Files</h1><table id="list"></table>
<p><form method="post" enctype="multipart/form-data">
<input type="file" name="file" multiple required> <button>Upload</button></form>
<script>
async function show() {
  const files = await (await fetch("/list")).json()
  list.replaceChildren(...files.map(([name, size]) => {
    const row = document.createElement("tr"), path = "/files/" + encodeURIComponent(name)
    row.innerHTML = `<td><a href="${path}"></a><td>${size.toLocaleString()} bytes<td><button>Delete</button>`
    row.querySelector("a").textContent = name
    row.querySelector("button").onclick = () => fetch(path, {method: "DELETE"}).then(show)
    return row
  }))
}
show()
</script>"""

if ROOT not in os.listdir():
    os.mkdir(ROOT)
app = modhttp.Server()
app.value("/", "text/html; charset=utf-8", PAGE)
app.static("/files", ROOT)


@app.get("/list")
def names_and_sizes(request):
    return [(name, os.stat(ROOT + "/" + name)[6]) for name in sorted(os.listdir(ROOT))]


@app.post("/")
async def upload(request):  # async: while a slow client sends, others are served
    async for part in request.parts(max_part=500_000):
        if part.filename:
            await part.save(ROOT + "/" + part.safe_name)
    return modhttp.redirect("/", 303)


@app.delete("/files/<name>")
def delete(request, name):
    if name not in os.listdir(ROOT):
        raise modhttp.HTTPError(404)
    os.remove(ROOT + "/" + name)
    return 204


app.run(port=80)
