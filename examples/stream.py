# Answers and bodies larger than memory.
#
#   make run APP=examples/stream.py

import binascii

import modhttp

app = modhttp.Server()
app.value("/", "text/html", "Count to <a href='/count/100000'>100,000</a>")


@app.get("/count/<int:last>")
def count(request, last):
    """A generator's pieces go out one by one, as the client takes them; other clients are served in between."""
    for number in range(1, last + 1):
        yield "%d\n" % number


@app.put("/sum")
def checksum(request):
    """The body is read piece by piece, so it may be longer than max_body."""
    piece = bytearray(512)
    length = crc = 0
    while True:
        n = request.stream.readinto(piece)
        if not n:
            return "%d bytes, CRC-32 %08x\n" % (length, crc)
        length += n
        crc = binascii.crc32(memoryview(piece)[:n], crc)


app.run(port=80)
