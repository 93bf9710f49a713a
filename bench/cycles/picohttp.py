# A program of picohttp.
# cycles: requests=curl,browser,post1k,file16k
from picohttp import HttpServer

FILE = bytes(range(256)) * 64


def answer(request, response):
    if request.method == "POST":
        response.data = str(len(request.data))
    elif request.path == [""]:
        response.data = "hello"
    else:
        response.data = FILE


HttpServer(80, answer)
