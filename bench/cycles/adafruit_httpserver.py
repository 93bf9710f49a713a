# A program of adafruit_httpserver, of the version that modhttp's drop-in stands for.
# cycles: requests=curl,browser,post1k,file16k
import socketpool
import wifi
from adafruit_httpserver import HTTPResponse, HTTPServer

server = HTTPServer(socketpool.SocketPool(wifi.radio))
FILE = bytes(range(256)) * 64


@server.route("/")
def hello(request):
    return HTTPResponse(body="hello")


@server.route("/", "POST")
def count(request):
    return HTTPResponse(body=str(len(request.raw_request) - request.raw_request.find(b"\r\n\r\n") - 4))


@server.route("/file")
def file(request):
    return HTTPResponse(body=FILE)


server.serve_forever(str(wifi.radio.ipv4_address))
