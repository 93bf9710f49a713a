from experimental.http_server import *

server = HttpServer(port=8080)

@server.get_handler
def handle_http_get(request:str=None, connection:Socket=None):
    # process the request
    server.send_response(...)

@server.post_handler
def handle_http_post(request:str=None, connection:Socket=None):
    # process the request
    server.send_response(connection, request, content_type=MimeTypes.TEXT)

while True:
    server.check_connections()
