"""What a handler finds in its request: patterns, query, headers, bodies."""

import json

import pytest


def chunked(*pieces, extension=b"", trailer=b""):
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
    return chunks + b"0\r\n" + trailer + b"\r\n"


def post(path, body, fields=b""):
    return b"POST %s HTTP/1.1\r\nHost: test\r\n%s\r\n%s" % (path.encode(), fields, body)


def sized(path, body, fields=b""):
    return post(path, body, b"Content-Length: %d\r\n%s" % (len(body), fields))


# ---- patterns


@pytest.mark.parametrize(("path", "text"), [
    ("/p/literal", "literal"),
    ("/p/41", "int 42"),
    ("/p/4x", "name 4x"),
    ("/p/bl%C3%A5", "name blå"),
    ("/p/a/b", "a|b"),
    ("/p/a%2Fb", "a|b"),
    ("/p/a/b/c", "path a/b/c"),
    ("/p/a/../literal", "literal"),
    ("/p/./literal", "literal"),
])
def test_pattern(server, path, text):
    with server.wire() as wire:  # httpx would tidy the path
        wire.get(path)
        assert wire.answer().body.decode() == text


@pytest.mark.parametrize("path", ["/nothing", "/str/", "/p", "//", "/P/literal", "/int/x"])
def test_no_such_path(server, path):
    with server.wire() as wire:
        wire.get(path)
        assert wire.answer().status == 404
        wire.get("/")
        assert wire.answer().body == b"root", "the connection goes on"


# ---- the head


def test_attributes(server):
    answer = server.get("/about/x%20y/z?a=1&b=&c&a=2&d=%C3%A6%20%26+q")
    about = answer.json()
    assert about["method"] == "GET"
    assert about["target"] == "/about/x%20y/z?a=1&b=&c&a=2&d=%C3%A6%20%26+q"
    assert about["path"] == "/about/x y/z"
    assert about["rest"] == "x y/z"
    assert about["query"] == {"a": "1", "b": "", "c": "", "d": "æ & q"}
    address, port = about["client"]
    assert address and 0 < port < 65536
    assert about["head"].startswith("GET /about/x%20y/z?a=1")
    assert about["head"].endswith("\r\n\r\n")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_protocol(server, version):
    with server.wire() as wire:
        wire.get("/about/it", version=version)
        assert json.loads(wire.answer().body)["protocol"] == "HTTP/" + version


def test_target_in_absolute_form(server):
    with server.wire() as wire:
        wire.get("http://test/about/it?q=1")
        about = json.loads(wire.answer().body)
    assert (about["path"], about["query"]) == ("/about/it", {"q": "1"})


def test_headers(server):
    with server.wire() as wire:
        wire.get("/headers", "X-One:   padded\t \r\nx-many: 1\r\nX-MANY: 2\r\nX-Many:3\r\n")
        headers = json.loads(wire.answer().body)
    assert headers["any case"] == ["padded"] * 3
    assert headers["in"] == [True, False]
    assert headers["default"] == [None, "none"]
    assert headers["repeated"] == "1, 2, 3"
    assert ["x-many", "1"] in headers["items"]
    assert ["X-Many", "3"] in headers["items"]


# ---- bodies


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_echo(server, method):
    with server.client() as client:
        assert client.request(method, "/echo", content=b"\x00 body \xff").content == b"\x00 body \xff"
        assert client.request(method, "/echo", content=b"").content == b""


@pytest.mark.parametrize("encoding", ["sized", "chunked"])
def test_request_split_at_every_byte(server, encoding):
    """Each byte a segment of its own, as far as the kernel lets it be."""
    if encoding == "sized":
        data = sized("/echo", b"split")
    else:
        data = post("/echo", chunked(b"sp", b"lit"), b"Transfer-Encoding: chunked\r\n")
    with server.wire() as wire:
        for i in range(len(data)):
            wire.send(data[i:i + 1])
        assert wire.answer().body == b"split"


def test_request_in_two_segments(server):
    data = sized("/echo", b"split")
    with server.wire() as wire:
        for at in range(1, len(data), 4):
            wire.send(data[:at])
            wire.send(data[at:])
            assert wire.answer().body == b"split"


@pytest.mark.parametrize("size", [1, 700, 1460, 8000, 16384])
@pytest.mark.parametrize("encoding", ["sized", "chunked"])
def test_body_sizes(server, size, encoding):
    body = bytes(i * 7 % 251 for i in range(size))
    with server.wire() as wire:
        if encoding == "sized":
            wire.send(sized("/echo", body))
        else:
            wire.send(post("/echo", chunked(*(body[i:i + 999] for i in range(0, size, 999))),
                           b"Transfer-Encoding: chunked\r\n"))
        assert wire.answer().body == body
        wire.get("/")
        assert wire.answer().body == b"root"


def test_body_over_the_limit_is_413(server):
    for data in (sized("/echo", b"x" * 16385),
                 post("/echo", chunked(*[b"x" * 1000] * 17), b"Transfer-Encoding: chunked\r\n")):
        with server.wire() as wire:
            wire.send(data)
            assert wire.answer().status == 413
    assert server.get("/").text == "root"


def test_body_of_any_length_by_the_piece(server):
    body = bytes(i * 31 % 256 for i in range(60000))
    with server.client() as client:
        assert client.post("/count", content=body).json() == {"length": 60000, "sum": sum(body)}
        pieces = (body[i:i + 5000] for i in range(0, len(body), 5000))
        assert client.post("/count", content=pieces).json() == {"length": 60000, "sum": sum(body)}


def test_body_that_no_handler_reads(server):
    with server.wire() as wire:
        for size in (10, 5000, 30000):
            wire.send(sized("/unread", b"x" * size))
            assert wire.answer().body == b"did not look"
        wire.send(sized("/nowhere", b"x" * 3000))
        assert wire.answer().status == 404
        wire.get("/")
        assert wire.answer().body == b"root"


def test_text(server):
    with server.client() as client:
        assert client.post("/text", content="blue ø".encode()).text == "BLUE ø"


@pytest.mark.parametrize("body", [
    b"path", b"x" * 255, b"x" * 256, "ø".encode() * 128, "blå".encode() * 2500,
], ids=len)
def test_body_text_and_head_as_keys(server, body):
    """MicroPython interns texts up to 255 bytes; of what is longer nothing is hashed until it is a key."""
    text = body.decode()
    expected = [[True, True, 1, 1]] * 3 + [1 if text == "path" else None, True, len(body), text]
    with server.client() as client:
        assert client.post("/keys", content=body).json() == expected
        assert client.post("/keys", content=iter([body[:100], body[100:]])).json() == expected


def test_json(server):
    with server.client() as client:
        assert client.post("/json", json={"a": [1, "ü", None]}).json() == {"got": {"a": [1, "ü", None]}}
        for bad in (b"", b"nonsense", b'{"a": nope}'):
            answer = client.post("/json", content=bad)
            assert answer.status_code == 400, bad
            assert "JSON" in answer.text
        assert client.get("/").text == "root"


def test_form(server):
    with server.client() as client:
        assert client.post("/form", data={"name": "A & B", "ø": "x=y", "empty": ""}).json() == \
            {"name": "A & B", "ø": "x=y", "empty": ""}
