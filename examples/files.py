# A file manager: what the file system holds, to list, upload, download, resume and delete.
#
#   curl -T song.wav localhost:8080/files/song.wav          any size that the flash has room for
#   curl -C - -O localhost:8080/files/song.wav              goes on where it stopped
#   curl -r 0-99 localhost:8080/files/song.wav              a part of it
#   curl -OJ localhost:8080/save/song.wav                   to be saved by its name
#   curl -X DELETE localhost:8080/files/song.wav

import os

import modhttp

ROOT = "files"

app = modhttp.Server()
if ROOT not in os.listdir():
    os.mkdir(ROOT)

app.static("/files", ROOT, listing=True)  # the list is at /files/


def path_of(name):
    if name.startswith("."):
        raise modhttp.HTTPError(400, "a name begins with another character")
    return ROOT + "/" + name


@app.get("/")
def index(request):
    return modhttp.redirect("/files/")


@app.put("/files/<name>")
def upload(request, name):
    """A temporary file has the name only when all of it is there."""
    path = path_of(name)
    buffer = memoryview(bytearray(1024))
    length = 0
    try:
        with open(ROOT + "/.part", "wb") as file:
            while n := request.stream.readinto(buffer):
                file.write(buffer[:n])
                length += n
    except OSError as exc:  # the flash is full, or the client is gone
        os.remove(ROOT + "/.part")
        raise modhttp.HTTPError(507, "no room for it: %s" % exc) from exc
    os.rename(ROOT + "/.part", path)
    return "%d bytes\n" % length, 201


@app.get("/save/<name>")
def save(request, name):
    return modhttp.file(name, root=ROOT, download=True)


@app.delete("/files/<name>")
def delete(request, name):
    try:
        os.remove(path_of(name))
    except OSError:
        raise modhttp.HTTPError(404) from None
    return 204


app.run(port=80)
