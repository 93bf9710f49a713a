# One function for every request.
# cycles: requests=curl,browser,post1k,file16k
import modhttp

FILE = bytes(range(256)) * 64


def answer(request, response):
    if request.method == "POST":
        response.send(str(len(request.body)))
    elif request.path == "/":
        response.send("hello")
    else:
        response.send(FILE)


modhttp.serve(answer, port=80)
