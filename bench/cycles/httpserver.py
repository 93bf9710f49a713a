# A program of httpserver.
# cycles: requests=curl,browser,post1k,file16k
from httpserver import HTTPResponse, HTTPServer

app = HTTPServer()
FILE = bytes(range(256)) * 64


def answer(conn, body):
    HTTPResponse(200, "text/plain", close=False, header={"Content-Length": len(body)}).send(conn)
    conn.write(body)


@app.route("GET", "/")
def hello(conn, request):
    answer(conn, b"hello")


@app.route("POST", "/")
def count(conn, request):
    body = conn.read(int(request.header[b"Content-Length"]))
    answer(conn, str(len(body)).encode())


@app.route("GET", "/file")
def file(conn, request):
    answer(conn, FILE)


app.start()
