"""What handlers return, and what becomes of it."""

import http.client

import pytest

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


@pytest.mark.parametrize(("path", "status", "content_type", "body"), [
    ("/str", 200, TEXT, "blåbær".encode()),
    ("/bytes", 200, BYTES, b"\x00\xff"),
    ("/bytearray", 200, BYTES, b"moves"),
    ("/int/204", 204, None, b""),
    ("/int/404", 404, None, b""),
    ("/pair", 201, TEXT, b"made"),
    ("/response", 203, "image/svg+xml", b"<svg/>"),
    ("/html", 200, "text/html; charset=utf-8", b"<p>hi"),
    ("/empty", 200, TEXT, b""),
    ("/steps", 202, "text/x-steps", b"one,two,three"),
    ("/generator/5", 200, None, b"0,1,2,3,4,"),
    ("/nothing-yielded", 200, None, b""),
])
def test_result(server, path, status, content_type, body):
    answer = server.get(path)
    assert (answer.status_code, answer.content) == (status, body)
    if content_type:
        assert answer.headers["content-type"] == content_type


def test_dict_and_list_are_json(server):
    answer = server.get("/dict")
    assert answer.headers["content-type"] == JSON
    assert answer.json() == {"a": [1, 2.5, None, True, "ü"]}
    assert server.get("/list").json() == [1, 2]


def test_headers_of_a_tuple_and_repeated_ones_of_a_response(server):
    answer = server.get("/triple")
    assert (answer.status_code, answer.json()) == (201, {"id": 7})
    assert answer.headers["location"] == "/things/7"
    assert answer.headers["x-two"] == "2"
    assert server.get("/response").headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert server.get("/steps").headers["x-step"] == "1"


def test_each_of_many_heads_is_its_own(server):
    """What is kept of a head for the next shows nowhere: type, length, and what depends on the request."""
    asked = [
        (b"GET /str HTTP/1.1\r\nHost: a\r\n", TEXT, 8, None),
        (b"GET /bytes HTTP/1.1\r\nHost: a\r\n", BYTES, 2, None),
        (b"GET /empty HTTP/1.1\r\nHost: a\r\n", TEXT, 0, None),
        (b"HEAD /str HTTP/1.1\r\nHost: a\r\n", TEXT, 8, None),
        (b"GET /html HTTP/1.1\r\nHost: a\r\n", "text/html; charset=utf-8", 5, None),
        (b"GET /str HTTP/1.0\r\nConnection: keep-alive\r\n", TEXT, 8, "keep-alive"),
        (b"GET /str HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", TEXT, 8, "close"),
    ]
    data = server.exchange(b"".join(request + b"\r\n" for request, *_ in asked))
    heads = [part.split(b"\r\n\r\n")[0].decode() for part in data.split(b"HTTP/1.1 ")[1:]]
    for head, (_, content_type, length, connection) in zip(heads, asked, strict=True):
        expected = [("Content-Type", content_type), ("Content-Length", str(length)), ("Connection", connection)]
        status, *lines = head.split("\r\n")
        fields = [tuple(line.split(": ")) for line in lines]
        assert status == "200 OK"
        assert [field for field in fields if field[0] != "Date"] == [field for field in expected if field[1]]


@pytest.mark.parametrize("at", [0, 1, 2, 4, 5, 9])
def test_stream_that_ends_its_answer_itself(server, at):
    with server.client() as client:
        for _ in range(3):
            assert client.get(f"/ended/{at}").text == ("whole\n" if at == 0 else "piece\n" * at)


def test_request_that_is_kept_beyond_its_answer(server):
    for _ in range(3):
        server.get("/kept")
        assert server.get("/about/secret").status_code == 200
        assert server.get("/kept").text == "the answer to this request is complete/kept"


def test_stream_of_a_declared_length(server):
    answer = server.get("/declared/100/100")
    assert answer.headers["content-length"] == "102400"
    assert "transfer-encoding" not in answer.headers
    assert len(answer.content) == 102400
    with server.client() as client:
        assert client.head("/declared/9/9").headers["content-length"] == "9216"
        assert client.get("/declared/0/0").content == b""


@pytest.mark.parametrize("given", [0, 1, 3])
def test_stream_of_another_length_than_declared_ends_the_connection(server, given):
    with server.wire() as wire:
        wire.get(f"/declared/2/{given}")
        try:
            length = len(wire.answer().body)
        except (http.client.IncompleteRead, ConnectionResetError):
            length = 0
        assert length == 0 or (length, given) == (2048, 3)
        assert wire.is_over()
    assert server.get("/").text == "root"


def test_stream_of_a_declared_length_waits_for_its_client_alone(server):
    with server.wire() as slow:
        slow.get("/declared/2000/2000")
        assert server.get("/").text == "root"
        assert len(slow.answer().body) == 2000 * 1024


def test_object_is_a_500_that_names_the_type(server):
    answer = server.get("/object")
    assert answer.status_code == 500
    assert "object" in answer.text
    server.wait_for("TypeError: handler returned object")


def test_none_is_a_500_that_says_so(server):
    answer = server.get("/none")
    assert answer.status_code == 500
    assert "NoneType" in answer.text


def test_header_injection_is_refused(server):
    answer = server.get("/bad-header")
    assert answer.status_code == 500
    assert "set-cookie" not in answer.headers
    server.wait_for("ValueError")


def test_raise_is_a_500_with_the_traceback_on_the_console_only(server):
    with server.wire() as wire:
        wire.get("/raise")
        answer = wire.answer()
        assert answer.status == 500
        assert b"own words" not in answer.body
        server.wait_for("ValueError: the handler's own words")
        assert "Traceback" in server.console
        assert "in raise_value_error" in server.console
    assert server.get("/").text == "root"


def test_http_error(server):
    answer = server.get("/teapot")
    assert answer.status_code == 418
    assert "short and stout" in answer.text


def test_raise_after_the_head_cuts_the_answer_short(server):
    """The client must be able to tell: a chunked answer without its last chunk."""
    with server.wire() as wire:
        wire.get("/raise-late")
        data = bytearray()
        try:
            while chunk := wire.socket.recv(4096):
                data += chunk
        except ConnectionResetError:
            pass
        assert not data.endswith(b"0\r\n\r\n")
    server.wait_for("ValueError: after the head")
    assert server.get("/").text == "root"


def test_runaway_recursion_is_a_500(server):
    assert server.get("/recurse").status_code == 500
    server.wait_for("RuntimeError: maximum recursion depth exceeded")
    assert server.get("/").text == "root"


def test_memory_error_is_a_500(server):
    assert server.get("/exhaust").status_code == 500
    server.wait_for("MemoryError")
    assert server.get("/").text == "root"


@pytest.mark.parametrize("kilobytes", [1, 16, 200])
@pytest.mark.parametrize("kind", ["large", "stream"])
def test_large_answers_arrive_whole(server, kind, kilobytes):
    if kind == "stream" and kilobytes > 50 and server.target == "rp2040":
        kilobytes = 50
    answer = server.get(f"/{kind}/{kilobytes}")
    assert answer.content == b"0123456789abcdef" * (64 * kilobytes)


def test_str_by_reference_arrives_whole_many_times(server):
    with server.client() as client:
        for _ in range(5):
            assert client.get("/reference").text == "0123456789abcdef" * 1024


def test_console_output_of_a_handler(server):
    assert server.get("/print").text == "said"
    server.wait_for("said by the handler\n")
