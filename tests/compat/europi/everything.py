"""Uses all of experimental.http_server. The path says what to answer with."""

import time

from experimental.http_server import HttpServer, HttpStatus, MimeTypes

log = []
served = 0
gathered = False


class Server(HttpServer):
    pass


class Plain(HttpServer):
    ERROR_PAGE = "{errno}|{errname}|{message}"


server = Server(8080)
plain = Plain(port=8081)
other = HttpServer()


def send(connection, name):
    if name == "plain":
        return plain.send_error_page(ValueError("<&>"), connection, 404)
    if name == "response":
        return server.send_response(connection, "<p>naïve ☕</p>")
    if name == "options":
        return server.send_response(
            connection, "a,b\r\n", HttpStatus.NOT_FOUND, MimeTypes.CSV, {"X-One": "1", "X-Two": 2}
        )
    if name == "keywords":
        return server.send_response(
            connection=connection, response="a: 1", status=299, content_type=MimeTypes.YAML, headers=None
        )
    if name == "html":
        return server.send_html(connection, "<p>html</p>")
    if name == "html-options":
        return server.send_html(connection, html_page="<p>no</p>", status=403, headers={"X-One": 1})
    if name == "json":
        return server.send_json(connection, {"a": [1, None, "é"]})
    if name == "json-options":
        return server.send_json(connection=connection, data=[1], headers={"X-One": "1"})
    if name == "error":
        return server.send_error_page(ValueError("<b>1 & 2</b>"), connection)
    if name == "error-options":
        return server.send_error_page(
            error=Exception("later"), connection=connection, status=503, headers={"Retry-After": 5}
        )
    if name == "bad-header":
        return server.send_html(connection, "x", headers={"X-One": "1\r\nX-Two: 2"})
    if name == "names":
        return server.send_json(connection, names())
    if name == "log":
        return server.send_json(connection, log)
    if name == "open":
        return server.send_json(connection, server._app.stats()["open"])
    if name == "large":
        return server.send_response(connection, "0123456789" * 1200, content_type=MimeTypes.TEXT)
    if name == "default":
        return server.default_request_handler(connection=connection, request="")
    if name == "other":
        return other.check_requests()
    if name == "raise":
        raise ValueError("<b>raised</b>")
    if name == "raise-not-implemented":
        raise NotImplementedError("not <yet>")
    if name == "raise-os":
        return open("no such file")
    if name == "raise-type":
        return send(connection, name, connection=connection)
    if name == "raise-after":
        server.send_html(connection, "sent before")
        raise ValueError
    if name == "twice":
        server.send_html(connection, "first")
        try:
            server.send_html(connection, "second")
        except OSError as err:
            log.append("twice " + type(err).__name__)
    if name == "raw":
        log.append("raw %s" % connection.send(b"HTTP/1.0 202 Raw\r\nContent-Type: text/x-raw\r\n\r\n"))
        connection.write("é")
        connection.close()
        connection.close()
    if name == "raw-open":
        connection.send("HTTP/1.0 200 OK\r\n\r\nopen")
    if name == "raw-raise":
        connection.send("HTTP/1.0 200 OK\r\n\r\nand then")
        raise ValueError("after raw bytes")
    if name == "hang-up":
        connection.close()


def names():
    try:
        server.default_request_handler()
    except NotImplementedError as err:
        reason = str(err)
    return {
        "status": {name: getattr(HttpStatus, name) for name in dir(HttpStatus) if name.isupper()},
        "text": {str(status): text for status, text in HttpStatus.StatusText.items()},
        "mime": {name: getattr(MimeTypes, name) for name in dir(MimeTypes) if name.isupper()},
        "ports": [server.port, plain.port, other.port],
        "not implemented": reason,
        "page": "{message}" in HttpServer.ERROR_PAGE and server.ERROR_PAGE is HttpServer.ERROR_PAGE,
        "callbacks": server.get_callback == get and other.get_callback == other.default_request_handler,
    }


@server.get_handler
def get(request: str = None, connection: object = None):
    global served, gathered
    served += 1
    name = request.split(" ")[1][1:].split("?")[0]
    if name.startswith("gather-"):
        server.send_html(connection, "")
        for _ in range(5000):
            gathered = server._app.stats()["queued"] == int(name[7:])
            if gathered:
                break
            time.sleep_ms(1)
    elif name.startswith("post-"):
        server.post_callback = globals()[name.replace("-", "_")]
        server.send_html(connection, "")
    elif name:
        send(connection, name)
    else:
        server.send_response(connection, request, content_type=MimeTypes.TEXT)


@server.post_handler
def post_echo(request, connection):
    server.send_response(connection, request, content_type=MimeTypes.TEXT)


def post_conn(request=None, conn=None):
    server.send_html(conn, "conn " + request[-1])


def post_keywords(**given):
    server.send_html(given["connection"], " ".join(sorted(given)))


def post_wrapped(**given):
    post_conn(**given)


def post_keywords_fail(**given):
    log.append("post_keywords_fail")
    len(1)


def post_sends_and_fails(**given):
    log.append("post_sends_and_fails")
    server.send_html(given["connection"], "sent", status=500)
    post_conn(**given)


def post_request_only(request):
    log.append("never called")


def post_nothing():
    log.append("never called")


def post_fails(request=None, connection=None):
    log.append("post_fails")
    post_conn(request=request, connection=connection)


def post_conn_fails(request, conn):
    log.append("post_conn_fails")
    conn.send(1, 2, 3)


class Method:
    def post(self, request=None, conn=None):
        server.send_html(conn, "method")


post_method = Method().post


@plain.get_handler
def plain_get(request, connection):
    raise ValueError("<plain>")


while True:
    before = served
    server.check_requests()
    if gathered:
        gathered = False
        count = served - before  # with the one that waited for the others, and those just before it
        print("served", "all" if count > 20 else count)
    plain.check_requests()
    other.check_requests()
