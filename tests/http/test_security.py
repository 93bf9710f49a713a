"""What answers say to browsers: security headers, CORS; and what other sites' pages may not ask."""

from pathlib import Path

import httpx
import pytest
from natives import evaluate

PROGRAM = (Path(__file__).parent / "who.py").read_text()

SECURE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def server(program):
    return program(PROGRAM)


def ask(server, method, path, **fields):
    with server.client() as client:
        return client.request(method, path, headers={name.replace("_", "-"): value for name, value in fields.items()})


EVERYWHERE = [
    ("GET", "/else", 200),
    ("HEAD", "/else", 200),
    ("GET", "/stream", 200),
    ("GET", "/session", 200),
    ("GET", "/raise", 410),
    ("GET", "/open", 200),
    ("HEAD", "/open", 200),
    ("GET", "/open?last=1", 200),
    ("GET", "/open?last=x", 400),
    ("GET", "/open.csv", 200),
    ("GET", "/long", 200),
    ("GET", "/metrics", 200),
    ("GET", "/basic/sensor", 401),
    ("GET", "/hashed/who", 401),
    ("POST", "/open", 405),
    ("BREW", "/open", 501),
    ("OPTIONS", "/open", 204),
    ("OPTIONS", "/else", 204),
    ("GET", "/%zz", 400),
]


@pytest.mark.parametrize("method, path, status", EVERYWHERE)
def test_every_answer_is_secure(server, method, path, status):
    with server.wire() as wire:
        for _ in range(3 if status != 400 else 1):
            wire.send(f"{method} {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
            answer = wire.answer(method)
            assert answer.status == status
            names = [name.lower() for name in answer.headers]
            assert {name: answer.headers[name] for name in SECURE} == SECURE
            assert all(names.count(name) == 1 for name in SECURE)


def test_events_and_unmodified_are_secure(server):
    with server.client() as client:
        with client.stream("GET", "/open/events") as answer:
            assert answer.headers["x-content-type-options"] == "nosniff"
        for path in ("/open", "/long"):
            tag = client.get(path).headers["etag"]
            answer = client.get(path, headers={"If-None-Match": tag})
            assert answer.status_code == 304 and answer.headers["x-frame-options"] == "DENY"


def test_a_handler_says_otherwise(server):
    """Its own field stays, the other is not sent; Vary is a list, of which no part gets lost."""
    answer = ask(server, "GET", "/framed", Origin="https://a.example")
    assert answer.headers.get_list("x-frame-options") == ["SAMEORIGIN"]
    assert sorted(answer.headers.get_list("vary")) == ["Cookie", "Origin"]
    assert sorted(ask(server, "GET", "/open").headers.get_list("vary")) == ["Accept", "Origin"]


def test_other_defaults(start):
    server = start("""
import modhttp
app = modhttp.Server()
app.secure({"X-Frame-Options": None, "Content-Security-Policy": "default-src 'self'", "Referrer-Policy": "no-referrer"})
app.cors("https://one.example")
app.sensor("/sensor", celsius=1)
app.run(port=80)
""")
    for path in ("/sensor", "/none"):
        answer = server.get(path)
        assert "x-frame-options" not in answer.headers
        assert answer.headers["content-security-policy"] == "default-src 'self'"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_nothing_is_said_unasked(start):
    server = start("""
import modhttp
app = modhttp.Server()
app.sensor("/sensor", celsius=1)
app.get("/")(lambda request: "root")
app.run(port=80)
""")
    for path in ("/", "/sensor", "/none"):
        answer = ask(server, "GET", path, Origin="https://a.example")
        assert not [name for name in answer.headers if name in SECURE or name.startswith("access-control")]


# ---- CORS


def shared(answer):
    prefix = "access-control-"
    return {
        name.lower()[len(prefix) :]: value
        for name, value in answer.headers.items()
        if name.lower().startswith(prefix)
    }


@pytest.mark.parametrize("method, path, status", [one for one in EVERYWHERE if one[0] != "OPTIONS"])
@pytest.mark.parametrize("origin", ["https://a.example", "https://b.example:8443"])
def test_known_origins(server, origin, method, path, status):
    with server.wire() as wire:
        for _ in range(3 if status != 400 else 1):
            wire.send(f"{method} {path} HTTP/1.1\r\nHost: t\r\nOrigin: {origin}\r\n\r\n".encode())
            answer = wire.answer(method)
            assert answer.status == status
            if path == "/%zz":
                continue  # which is no request
            assert shared(answer) == {
                "allow-origin": origin,
                "allow-credentials": "true",
                "expose-headers": "X-Shown",
            }
            assert "Origin" in ", ".join(answer.headers.get_all("Vary"))


@pytest.mark.parametrize(
    "origin",
    [
        "https://c.example",
        "https://b.example",
        "http://a.example",
        "https://a.example.evil",
        "null",
        "https://A.example",
        "*",
    ],
)
@pytest.mark.parametrize("path", ["/else", "/open", "/none", "/long", "/basic/sensor"])
def test_unknown_origins(server, origin, path):
    for method in ("GET", "OPTIONS"):
        answer = ask(server, method, path, Origin=origin)
        assert shared(answer) == {} and "Origin" in answer.headers["vary"]


def test_origins_take_turns(server):
    """On one connection, of answers that C keeps and of requests that it remembers."""
    with server.wire() as wire:
        for origin in [
            "https://a.example",
            None,
            "https://b.example:8443",
            None,
            None,
            "https://a.example",
            "https://x",
        ] * 2:
            wire.get("/open", f"Origin: {origin}\r\n" if origin else "")
            allowed = wire.answer().headers["Access-Control-Allow-Origin"]
            assert allowed == (origin if origin and origin != "https://x" else None)


@pytest.mark.parametrize("path", ["/open", "/else", "/basic/sensor", "/digest/who"])
def test_preflight(server, path):
    """Those of what is protected too: browsers ask without credentials."""
    answer = ask(
        server,
        "OPTIONS",
        path,
        Origin="https://a.example",
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="x-wanted",
    )
    assert answer.status_code == 204
    assert shared(answer) == {
        "allow-origin": "https://a.example",
        "allow-credentials": "true",
        "expose-headers": "X-Shown",
        "allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "allow-headers": "X-Wanted",
        "max-age": "600",
    }


def test_any_origin(start):
    server = start("""
import modhttp
app = modhttp.Server()
app.cors(methods=["GET", "PUT"], max_age=5)
app.sensor("/sensor", celsius=1)
app.get("/")(lambda request: "root")
app.run(port=80)
""")
    for path in ("/", "/sensor", "/none"):
        for fields in ({}, {"Origin": "https://a.example"}):
            assert shared(ask(server, "GET", path, **fields)) == {"allow-origin": "*"}
    assert shared(ask(server, "OPTIONS", "/sensor", Origin="null")) == {
        "allow-origin": "*",
        "allow-methods": "GET, PUT",
        "max-age": "5",
    }


@pytest.mark.parametrize(
    "call, raised",
    [
        ("cors('*', credentials=True)", "ValueError: * is every origin: neither others beside it nor credentials"),
        ("cors(['*', 'https://a'])", "ValueError: * is every origin: neither others beside it nor credentials"),
        ("cors('a.example')", "ValueError: an origin is like https://example.org, without a path: a.example"),
        (
            "cors('https://a.example/')",
            "ValueError: an origin is like https://example.org, without a path: https://a.example/",
        ),
        ("secure({'X-A': 'a\\nb'})", "ValueError: header X-A has a character that HTTP does not allow"),
        (
            "secure({'X-A': 'a' * 900})",
            "ValueError: what every answer says must be field lines, of at most 1024 bytes in all",
        ),
    ],
)
def test_refusals(server, call, raised):
    assert evaluate(server, f"modhttp.Server().{call}") == raised


def test_sensors_of_others_have_room(server):
    expression = "(other := modhttp.Server(), other.sensor('/s', name='late', a=1), app.mount('/m', other))"
    assert (
        evaluate(server, expression)
        == "ValueError: late has no room for what secure() and cors() say: call them before"
    )


# ---- other sites' pages


@pytest.mark.parametrize(
    "fields, status",
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "what"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 200),
        ({"Origin": "http://board.example:8080"}, 200),
        ({"Origin": "http://BOARD.example:8080"}, 200),
        ({"Origin": "http://board.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://friend.example"}, 200),
        ({"Origin": "https://friend.example", "Sec-Fetch-Site": "cross-site"}, 200),
    ],
)
def test_same_site(server, fields, status):
    fields = fields | {"Host": "board.example:8080"}
    answer = httpx.post(server.url + "/site/change", headers=fields, timeout=server.patience)
    assert (answer.status_code, answer.text) == (
        (200, "changed") if status == 200 else (403, "403 Forbidden: not from another site's page\n")
    )
    assert httpx.get(server.url + "/site/look", headers=fields, timeout=server.patience).text == "changed"
