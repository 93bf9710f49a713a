"""Every class, method, parameter and default of adafruit_httpserver, and handlers that fail in every way."""

import json
import time

import microcontroller
import socketpool
import wifi
from adafruit_httpserver import HTTPResponse, HTTPServer, HTTPStatus, MIMEType

pool = socketpool.SocketPool(wifi.radio)
server = HTTPServer(socket_source=pool)
facts = {}


def fact(name, value):
    facts[name] = value


@server.route("/facts")
def tell(request):
    return HTTPResponse(content_type="application/json", body=json.dumps(facts))


# ---- HTTPStatus, MIMEType, the modules of CircuitPython's

fact("status", [(s.value, s.phrase, str(s), repr(s))
                for s in (HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR)])
teapot = HTTPStatus(value=418, phrase="I'm a teapot")
fact("teapot", [teapot.value, teapot.phrase, str(teapot)])
fact("plain", MIMEType.TEXT_PLAIN)
fact("types", {name: MIMEType.mime_type(name) for name in (
    "a.html", "/b/c.css", "a.b.js", "photo.jpg", "photo.jpeg", "PHOTO.JPG", "x.json", "x.svg", "x.woff2",
    "favicon.ico", "notes.txt", "x.unheard-of", "no-extension", "")})
fact("radio", [wifi.radio.connected, wifi.radio.enabled, str(wifi.radio.ipv4_address), wifi.radio.ipv4_subnet,
               wifi.radio.ipv4_gateway, wifi.radio.ipv4_dns, wifi.radio.hostname])
wifi.radio.connect("a network", "its password", channel=1, bssid=None, timeout=1)
wifi.radio.connect("a network")
fact("cpu", [microcontroller.cpu.temperature, microcontroller.cpu.frequency, microcontroller.cpu.voltage,
             len(microcontroller.cpu.uid), microcontroller.cpus[0] is microcontroller.cpu])
began = time.ticks_us()
microcontroller.delay_us(1000)
fact("delay", time.ticks_diff(time.ticks_us(), began) >= 1000)
udp = pool.socket(pool.AF_INET, pool.SOCK_DGRAM)
udp.close()
fact("pool", [pool.getaddrinfo("10.0.0.1", 80)[0][-1], pool.AF_INET != pool.SOCK_STREAM])

# ---- HTTPResponse

response = HTTPResponse()
fact("response", [str(response.status), response.content_type, response.body.decode(), response.filename,
                  response.root])
fact("body", HTTPResponse(body="blåbær").body == "blåbær".encode())
try:
    HTTPResponse(HTTPStatus.OK)
except TypeError as exc:
    fact("keywords", type(exc).__name__)


@server.route("/default")
def default(request):
    return HTTPResponse()


@server.route("/text")
def text(request):
    return HTTPResponse(body="blåbær")


@server.route("/bytes")
def raw(request):
    return HTTPResponse(content_type="application/octet-stream", body=bytes(range(256)))


@server.route("/large")
def large(request):
    return HTTPResponse(body="0123456789" * 2000)


@server.route("/status/object")
def status_object(request):
    return HTTPResponse(status=HTTPStatus(418, "I'm a teapot"), body="short and stout")


@server.route("/status/tuple")
def status_tuple(request):
    return HTTPResponse(status=(404, "Not Found"), content_type="text/html", body="<p>gone")


@server.route("/status/int")
def status_int(request):
    return HTTPResponse(status=201)


@server.route("/status/text")
def status_text(request):
    return HTTPResponse(status="403 Forbidden")


@server.route("/status/file")
def status_file(request):
    return HTTPResponse(status=HTTPStatus.INTERNAL_SERVER_ERROR, filename="/index.html", body="not this")


@server.route("/file")
def file_below_root(request):
    return HTTPResponse(filename="/page.html", root="/site", content_type="text/not-this")


@server.route("/file/relative")
def file_relative(request):
    return HTTPResponse(filename="page.html", root="site")


@server.route("/file/missing")
def file_missing(request):
    return HTTPResponse(filename="/no such file.html", root="/site")


@server.route("/file/outside")
def file_outside(request):
    return HTTPResponse(filename="/../program.py", root="/site")


@server.route("/file/dots")
def file_dots(request):
    return HTTPResponse(filename="/./here/../page.html", root="/site/")


class Counted(HTTPResponse):
    """A program's own kind of response, that counts."""

    sent = 0

    def send(self, conn):
        Counted.sent += 1
        super().send(conn)


@server.route("/own")
def own(request):
    return Counted(status=(202, "Accepted"), body="counted %d" % Counted.sent)


@server.route("/own/file")
def own_file(request):
    return Counted(filename="/large.bin")


class Raw:
    """Anything with a send()."""

    def send(self, conn):
        conn.send(b"HTTP/1.1 299 Own Words\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")


@server.route("/raw")
def anything(request):
    return Raw()


class Pipe:
    """A socket that is not the server's: it takes seven bytes at a time, and now and then none."""

    def __init__(self):
        self.sent = b""
        self.turn = 0

    def send(self, data):
        self.turn += 1
        if self.turn % 3 == 0:
            raise OSError(11)
        self.sent += bytes(data[:7])
        return min(len(data), 7)


@server.route("/pipe")
def pipe(request):
    pipe = Pipe()
    HTTPResponse(status=HTTPStatus.NOT_FOUND, content_type="text/css", body="ü").send(pipe)
    HTTPResponse(filename="/index.html").send(pipe)
    return HTTPResponse(body=pipe.sent)


class Gone:
    def send(self, data):
        raise OSError(104)


@server.route("/gone")
def gone(request):
    return HTTPResponse(body=str(HTTPResponse(body="nobody").send(Gone())))


# ---- route() and the request


@server.route("/request")
@server.route("/request", "POST")
@server.route(path="/request", method="PUT")
def about(request):
    raw = request.raw_request
    return HTTPResponse(body=json.dumps([request.path, request.method, isinstance(raw, bytes), raw.decode()]))


@server.route("/echo", "POST")
def echo(request):
    return HTTPResponse(body=request.raw_request.partition(b"\r\n\r\n")[2])


@server.route("/query?a=1")
def with_query(request):
    return HTTPResponse(body="the one with a query")


@server.route("/query")
def without_query(request):
    return HTTPResponse(body="the other: " + request.path)


@server.route("/blå bær")
def decoded(request):
    return HTTPResponse(body=request.path)


@server.route("/twice")
def first(request):
    return HTTPResponse(body="first")


@server.route("/twice")
def second(request):
    return HTTPResponse(body="second")


@server.route("/custom", "PURGE")
def purge(request):
    return HTTPResponse(body=request.method)


@server.route("/custom", "HEAD")
def head(request):
    print("HEAD of its own")
    return HTTPResponse(status=(206, "Partial Content"))


@server.route("/query?a=head", "HEAD")
def head_with_query(request):
    return HTTPResponse(status=(203, "Else"))


fact("function", first is not second and callable(first))
fact("routes", len([route for route in server.routes if route.path == "/twice" and route.method == "GET"]))


# ---- handlers that fail


@server.route("/fail/division")
def divide(request):
    return HTTPResponse(body=str(1 / 0))


@server.route("/fail/oserror")
def oserror(request):
    raise OSError(5, "in the handler")


@server.route("/fail/none")
def none(request):
    return None


@server.route("/fail/str")
def not_a_response(request):
    return "not an HTTPResponse"


@server.route("/fail/body")
def bad_body(request):
    return HTTPResponse(body=17)


@server.route("/fail/status")
def bad_status(request):
    return HTTPResponse(status=(42, "The Answer"))


class Late(HTTPResponse):
    def send(self, conn):
        super().send(conn)
        raise RuntimeError("after the answer")


@server.route("/fail/late")
def late(request):
    return Late(body="all of it")


class Silent:
    def send(self, conn):
        pass


@server.route("/fail/silent")
def silent(request):
    return Silent()


@server.route("/fail/type")
def bad_type(request):
    return HTTPResponse(content_type="text/plain\r\nX-Injected: yes")


# ---- start(), poll()

fact("size", server.request_buffer_size)
fact("start", server.start(host=str(wifi.radio.ipv4_address), port=80, root="/site"))
fact("root", server.root_path)
fact("poll", server.poll())
try:
    other = HTTPServer(pool)
    other.poll()
except AttributeError:
    fact("not started", True)

while True:
    server.poll()
    time.sleep_ms(1)
