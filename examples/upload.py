# Files from a browser's form, or curl's, into flash as they come, of any size that fits there.
#
#   GET /                                         the form, and what there is
#   curl -F file=@some_file localhost:8080/       the same without a browser

import os

import modhttp

DIRECTORY = "uploads"
MAX_SIZE = 200_000

app = modhttp.Server()

PAGE = """<!doctype html>
<meta name="viewport" content="width=device-width">
<title>Uploads</title>
<h1>Uploads</h1>
<form method="post" enctype="multipart/form-data">
  <input type="file" name="file" multiple required>
  <button>Send</button>
</form>
<ul>%s</ul>
"""


def files():
    try:
        return sorted(entry[0] for entry in os.ilistdir(DIRECTORY))
    except OSError:
        return []  # nothing has come yet


def escape(text):
    for character, entity in ("&", "&amp;"), ("<", "&lt;"), ('"', "&quot;"):
        text = text.replace(character, entity)
    return text


@app.get("/")
def index(request):
    return modhttp.html(PAGE % "".join("<li>%s" % escape(name) for name in files()))


@app.post("/")
async def receive(request):
    """While a slow client sends, others are served: that is what `async` is for, and it needs no asyncio."""
    if DIRECTORY not in os.listdir():
        os.mkdir(DIRECTORY)
    async for part in request.parts():
        if part.filename:
            size = await part.save(DIRECTORY + "/" + part.safe_name, max_size=MAX_SIZE)
            print("%s: %d bytes" % (part.safe_name, size))
    return modhttp.redirect("/", 303)


app.log(print)
app.run(port=80)
