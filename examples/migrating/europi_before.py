# Written for EuroPi's experimental.http_server; it runs as it is. In modhttp's own API: europi_after.py.
#
#   make run APP=examples/migrating/europi_before.py

import json

from experimental.http_server import HttpServer, HttpStatus

server = HttpServer(port=80)
song = {"tempo": 120, "swing": 0}
steps = 0


@server.get_handler
def handle_get(request=None, connection=None):
    server.send_json(connection, song)


@server.post_handler
def handle_post(request=None, connection=None):
    try:
        head, body = request.split("\r\n\r\n")
        song.update(json.loads(body))
        server.send_json(connection, song)
    except ValueError as err:
        status = HttpStatus.BAD_REQUEST
        server.send_error_page(err, connection, status)


while True:
    steps += 1  # what the module does all the time
    server.check_requests()
