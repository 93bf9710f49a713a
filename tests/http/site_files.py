"""A program that serves files: of the board's own file system, of FAT, and of memory-mapped flash."""

import gzip

DATA = bytes(i * 31 % 251 for i in range(20000))
SCRIPT = b"let answer = 42;\n" * 50
PAGE = b"<h1>site</h1>\n"
FILES = {
    "index.html": PAGE,
    "data.bin": DATA,
    "empty.txt": b"",
    "app.js": SCRIPT,
    "app.js.gz": gzip.compress(SCRIPT, mtime=0),
    "app.js.br": b"br: " + SCRIPT[:20],
    "sub/index.html": b"sub\n",
    "sub/bare/one.txt": b"one\n",
    "sub/bare/a b&<'\u00e9.txt": b"odd\n",
}
ROM = {name: data for name, data in FILES.items() if name.isascii() and not name.endswith(".br")}

# A board's clock is set first, so that the files have times; and then they have to be three seconds old.
APP = """
import machine, os, sys, time, vfs
import modhttp

if sys.platform == "rp2":
    machine.RTC().datetime((2026, 3, 1, 6, 12, 0, 0, 0))

class Disk:
    data = bytearray(64 * 1024)

    def readblocks(self, n, buf):
        buf[:] = memoryview(self.data)[n * 512 : n * 512 + len(buf)]

    def writeblocks(self, n, buf):
        self.data[n * 512 : n * 512 + len(buf)] = buf

    def ioctl(self, op, arg):
        return {4: len(self.data) // 512, 5: 512}.get(op, 0)

vfs.VfsFat.mkfs(Disk())
vfs.mount(Disk(), "/fat")

def write(path, data):
    with open(path, "wb") as file:
        file.write(data)

def fill(root, files):
    for directory in ("", "/sub", "/sub/bare"):
        try:
            os.mkdir(root + directory)
        except OSError:
            pass
    for name, data in files.items():
        if root != "/fat" or "<" not in name:
            write(root + "/" + name, data)

FILES = %r
DATA = bytes(i * 31 %% 251 for i in range(20000))
fill("www", dict(FILES, **{"data.bin": DATA}))
fill("/fat", dict(FILES, **{"data.bin": DATA}))
write("secret.txt", b"secret")
time.sleep(4)

app = modhttp.Server()
app.static("/www", "www", max_age=60, listing=True)
app.static("/fat", "/fat/")
app.static("/rom", "/rom")
app.static("/romlist", "/rom", listing=True)
app.static("/other", "www/sub", index="bare/one.txt")

@app.get("/save/<name>")
def save(request, name):
    return modhttp.file("www/data.bin", download=True if name == "itself" else request.query["as"], max_age=5)

@app.get("/named")
def named(request):
    return modhttp.file(request.query["name"], root="www/sub")

@app.get("/missing")
def missing(request):
    return modhttp.file("www/index.html"), 404

@app.get("/fields")
def fields(request):
    return modhttp.Response(modhttp.file("www/app.js"), headers={"X-One": "1"}, content_type="text/x")

@app.get("/fresh/<text>")
def fresh(request, text):
    write("www/fresh.txt", text)
    return modhttp.file("www/fresh.txt")

@app.get("/choose")
def choose(request):
    return repr(request.choose(1000, request.query.get("tag")))

@app.error(404)
def not_here(request, exc):
    return "not here", 404

app.run(port=80)
""" % {name: data for name, data in FILES.items() if name != "data.bin"}
