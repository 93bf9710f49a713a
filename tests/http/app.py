# The program that most tests of tests/http talk to: a route for each thing that a program may do.

import gc
import sys
import time

import _modhttp
import modhttp

app = modhttp.Server()
TEXT = "0123456789abcdef" * 1024  # 16 kB


@app.get("/")
def root(request):
    return "root"


@app.get("/state")
def state(request):
    gc.collect()
    return {"free": gc.mem_free(), "pcbs": _modhttp.pcbs(), "stats": app.stats()}


# ---- results


@app.get("/str")
def result_str(request):
    return "blåbær"


@app.get("/bytes")
def result_bytes(request):
    return b"\x00\xff"


@app.get("/bytearray")
def result_bytearray(request):
    return bytearray(b"moves")


@app.get("/dict")
def result_dict(request):
    return {"a": [1, 2.5, None, True, "ü"]}


@app.get("/list")
def result_list(request):
    return [1, 2]


@app.get("/int/<int:status>")
def result_int(request, status):
    return status


@app.get("/pair")
def result_pair(request):
    return "made", 201


@app.get("/triple")
def result_triple(request):
    return {"id": 7}, 201, {"Location": "/things/7", "X-Two": "2"}


@app.get("/response")
def result_response(request):
    return modhttp.Response(b"<svg/>", 203, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], "image/svg+xml")


@app.get("/html")
def result_html(request):
    return modhttp.html("<p>hi")


@app.get("/empty")
def result_empty(request):
    return ""


@app.get("/generator/<int:count>")
def result_generator(request, count):
    for number in range(count):
        yield "%d," % number


@app.get("/nothing-yielded")
def nothing_yielded(request):
    return iter([])


@app.get("/gaps")
def gaps(request):
    yield ""
    yield "one,"
    yield b""
    yield "two"


@app.get("/body-of/<int:status>")
def body_of(request, status):
    return "a body that must not be", status


@app.get("/own-framing")
def own_framing(request):
    """How the body is framed is not a handler's to say; that the connection ends is."""
    fields = {"Content-Length": "99", "Transfer-Encoding": "gzip", "Connection": "close", "X-Own": "1"}
    return "own", 200, fields


@app.get("/none")
def result_none(request):
    return None


@app.get("/object")
def result_object(request):
    return object()


@app.get("/bad-header")
def bad_header(request):
    return "x", 200, {"X-Evil": "a\r\nSet-Cookie: b"}


# ---- exceptions


@app.route("/raise", methods=("GET", "POST"))
def raise_value_error(request):
    raise ValueError("the handler's own words")


@app.get("/teapot")
def teapot(request):
    raise modhttp.HTTPError(418, "short and stout")


@app.get("/raise-late")
def raise_late(request):
    yield "begun"
    raise ValueError("after the head")


@app.get("/recurse")
def recurse(request):
    return recurse(request)


@app.get("/exhaust")
def exhaust(request):
    return bytearray(100000000)


# ---- requests


@app.route("/echo", methods=("POST", "PUT", "PATCH", "DELETE"))
def echo(request):
    return request.body


@app.route("/about/<path:rest>", methods=("GET", "POST"))
def about(request, rest):
    return {
        "method": request.method,
        "target": request.target,
        "protocol": request.protocol,
        "path": request.path,
        "rest": rest,
        "query": request.query,
        "client": list(request.client),
        "head": request.head.decode(),
    }


@app.get("/headers")
def headers(request):
    h = request.headers
    return {
        "any case": [h["X-One"], h["x-one"], h.get("X-ONE")],
        "in": ["x-ONE" in h, "X-None" in h],
        "default": [h.get("X-None"), h.get("X-None", "none")],
        "repeated": h.get("X-Many"),
        "items": h.items(),
    }


@app.post("/text")
def text(request):
    return request.text.upper()


@app.post("/keys")
def keys(request):
    """Whether what a request gives is as good a key as other objects of the same bytes are."""
    body, words, head = request.body, request.text, request.head
    copies = ((body, bytes(bytearray(body))), (words, str(bytearray(body), "utf-8")), (head, bytes(bytearray(head))))
    said = [[one == copy, hash(one) == hash(copy), {one: 1}.get(copy), {copy: 1}.get(one)] for one, copy in copies]
    return said + [{"path": 1, "method": 2}.get(words), body.decode() == words, len(body), words]


@app.post("/json")
def as_json(request):
    return {"got": request.json}


@app.post("/form")
def form(request):
    return request.form


@app.post("/unread")
def unread(request):
    return "did not look"


@app.post("/some/<int:count>")
def some(request, count):
    """No more than so many bytes of the body."""
    return request.stream.read(count)


@app.post("/length")
def length(request):
    """A body of any length, read away."""
    piece = bytearray(300)
    total = 0
    while n := request.stream.readinto(piece):
        total += n
    return str(total)


@app.post("/count")
def count(request):
    """Bodies of any length, by the piece."""
    piece = bytearray(300)
    length = total = 0
    while True:
        n = request.stream.readinto(piece)
        if not n:
            return {"length": length, "sum": total}
        length += n
        total += sum(memoryview(piece)[:n])


# ---- what a program may get wrong


@app.post("/begin")
def begin_as_told(request):
    how = request.json
    body = how.pop("body", "")
    try:
        request.begin(**how)
    except ValueError as refused:
        return str(refused), 422
    request.write(body)
    request.end()


@app.post("/return")
def return_as_told(request):
    how = request.json
    return modhttp.Response(how.get("body", ""), how.get("status", 200), how.get("headers"), how.get("type"))


@app.post("/early")
def early(request):
    """Answer, and read only then."""
    request.begin(200, "text/plain", 5)
    request.write("early")
    request.read(1)
    request.end()


# ---- patterns


@app.get("/p/literal")
def literal(request):
    return "literal"


@app.get("/p/<int:number>")
def number(request, number):
    return "int %d" % (number + 1)


@app.get("/p/<name>")
def name(request, name):
    return "name " + name


@app.get("/p/<a>/<b>")
def two(request, a, b):
    return a + "|" + b


@app.get("/p/<path:rest>")
def rest(request, rest):
    return "path " + rest


@app.route("/method", methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
def method(request):
    return request.method, 200, {"X-Method": request.method}


@app.route("/purge", methods=("PURGE",))
def purge(request):
    return "purged"


# ---- large answers, streams, raw connections


@app.get("/large/<int:kilobytes>")
def large(request, kilobytes):
    request.begin(200, "text/plain", kilobytes * 1024)
    while kilobytes > 0:
        n = min(kilobytes, 16)
        request.write(TEXT if n == 16 else TEXT[: n * 1024])
        kilobytes -= n
    request.end()


@app.get("/reference")
def reference(request):
    return TEXT


@app.get("/stream/<int:kilobytes>")
def stream(request, kilobytes):
    for _ in range(kilobytes):
        yield TEXT[:1024]


@app.get("/ended/<int:at>")
def ended(request, at):
    """A stream that ends its answer itself, before one of its pieces, and goes on all the same."""
    for number in range(10):
        if number == at:
            request.answer("whole\n") if at == 0 else request.end()
        yield "piece\n"


@app.get("/kept")
def kept(request):
    """What a request tells once it is answered: nothing of a later one."""
    global last
    try:
        told = last.path + str(last.query)
    except RuntimeError as exc:
        told = str(exc)
    except NameError:
        told = ""
    last = request
    return told + request.path


@app.get("/declared/<int:kilobytes>/<int:given>")
def declared(request, kilobytes, given):
    """A length that is said beforehand, and a stream that gives as much, or does not."""
    request.begin(200, "text/plain", kilobytes * 1024)
    return (TEXT[:1024] for _ in range(given))


@app.get("/steps")
def steps(request):
    request.begin(status=202, content_type="text/x-steps", fields="X-Step: 1\r\n")
    request.write("one,")
    request.write(b"two,")
    request.write(bytearray(b"three"))
    request.end()


@app.get("/sleep/<int:ms>")
def sleep(request, ms):
    time.sleep_ms(ms)
    return "slept"


@app.get("/detach")
def detach(request):
    raw = request.detach()
    raw.settimeout(5)
    raw.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    while True:
        data = raw.read(64)
        if not data:
            break
        raw.write(data.upper())
    raw.close()


@app.get("/print")
def say(request):
    print("said by the handler")
    sys.stdout.write("")
    return "said"


app.run(port=80)
