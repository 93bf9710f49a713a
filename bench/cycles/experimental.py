# A program of EuroPi's experimental.http_server.
# cycles: requests=curl,browser,post1k,file16k
from experimental.http_server import HttpServer, MimeTypes

server = HttpServer(port=80)
FILE = bytes(range(256)) * 64


@server.get_handler
def answer(request=None, connection=None):
    body = "hello" if request.startswith("GET / ") else FILE
    server.send_response(connection, body, content_type=MimeTypes.TEXT)


@server.post_handler
def count(request=None, connection=None):
    body = request.split("\r\n\r\n", 1)[1]
    server.send_response(connection, str(len(body)), content_type=MimeTypes.TEXT)


while True:
    server.check_requests()
