# A sensor with two fields, which takes a sample before each request.
# cycles: path=/api/room requests=curl,browser,strange_curl,strange_browser body=* typed=u floor=floor
import sys

import modhttp

app = modhttp.Server()
room = app.sensor("/api/room", celsius=20.5, humidity=10)
app.start(port=80)
taken = 0
while sys.stdin.read(1):
    taken += 1
    room.update(celsius=20.5 + taken % 10, humidity=10 + taken % 90)
