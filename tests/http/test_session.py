"""Sessions in signed cookies: kept by httpx, changed by hand, and by the clock."""

import base64
import hmac
import json
import time
from pathlib import Path

import pytest
from natives import evaluate, execute

PROGRAM = (Path(__file__).parent / "who.py").read_text()
NOW = 1790000000
KEY, OLDER = b"0123456789abcdef", b"an older key, which is not used any more"


@pytest.fixture
def server(program):
    running = program(PROGRAM)
    execute(running, f"session_module.time = lambda: {NOW}")
    return running


def plain(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def cookie(session, expires, key=KEY, name="session"):
    """A cookie as the server would have signed it."""
    text = f"{plain(json.dumps(session).encode())}.{expires}"
    return f"{text}.{plain(hmac.digest(key, f'{name}={text}'.encode(), 'sha256'))}"


def shown(server, value, field="session"):
    with server.client() as client:
        return client.get("/session", headers={"Cookie": f"{field}={value}"}).json()


def test_a_visit(server):
    with server.client(follow_redirects=True) as client:
        assert client.get("/session").json() == {}
        answer = client.post("/login", data={"user": "blåbær", "color": "teal"})
        assert answer.json() == {"user": "blåbær", "color": "teal"}
        said = answer.history[0].headers["set-cookie"]
        assert said.startswith("session=") and said.endswith("; Max-Age=1000; Path=/; SameSite=Lax; HttpOnly")
        assert answer.history[0].status_code == 303
        assert client.post("/login", data={"color": "red"}).json() == {"user": "blåbær", "color": "red"}
        assert client.post("/logout").headers["set-cookie"].startswith("session=; Max-Age=0; Path=/;")
        assert client.get("/session").json() == {}


def test_format(server):
    """What is signed, and that nothing else is taken."""
    good = cookie({"a": 1}, NOW + 500)
    assert shown(server, good) == {"a": 1}
    for at, letter in enumerate(good):
        if at % 5 == 0:
            other = "." if letter != "." else "x"
            assert shown(server, good[:at] + other + good[at + 1 :]) == {}, at
    text, _, signature = good.rpartition(".")
    data, _, expires = text.partition(".")
    for wrong in (
        text,
        text + ".",
        good[:-1],
        good + "=",
        "." + signature,
        "..",
        "",
        ".",
        f"{data}.{NOW + 999}.{signature}",
        f"{plain(b'{}')}.{expires}.{signature}",
        good + "." + signature,
        cookie({"a": 1}, NOW + 500, b"x" * 16),
        cookie({"a": 1}, NOW + 500, name="other"),
    ):
        assert shown(server, wrong) == {}, wrong
    assert shown(server, good, "other") == {}


def test_keys_change(server):
    """What an older key signed is good; what goes out is signed with the first."""
    old = cookie({"user": "me"}, NOW + 500, OLDER)
    assert shown(server, old) == {"user": "me"}
    with server.client() as client:
        said = client.post("/login", headers={"Cookie": f"session={old}"}).headers["set-cookie"]
    value = said.split(";")[0].partition("=")[2]
    assert value == cookie({"user": "me"}, NOW + 1000)


def test_it_ends(server):
    assert shown(server, cookie({"a": 1}, NOW + 1)) == {"a": 1}
    assert shown(server, cookie({"a": 1}, NOW)) == {}
    assert shown(server, cookie({"a": 1}, NOW + 1000)) == {"a": 1}
    assert shown(server, cookie({"a": 1}, NOW + 1001)) == {}, "signed by a clock that was wrong"
    with server.client(follow_redirects=True) as client:
        client.post("/login", data={"user": "me"})
        execute(server, f"session_module.time = lambda: {NOW + 999}")
        assert client.get("/session").json() == {"user": "me"}
        execute(server, f"session_module.time = lambda: {NOW + 1000}")
        assert client.get("/session").json() == {}


def test_clock_that_was_never_set(server):
    """As on a board since it started: a session lasts until the clock is set, or the program begins anew."""
    with server.client(follow_redirects=True) as client:
        execute(server, "session_module.time = lambda: 1609459205")
        client.post("/login", data={"user": "me"})
        execute(server, "session_module.time = lambda: 1609459300")
        assert client.get("/session").json() == {"user": "me"}
        assert shown(server, cookie({"a": 1}, NOW + 500)) == {}, "nobody knows whether it is over"
        run = evaluate(server, "sessions._run")
        assert shown(server, cookie({"a": 1}, f"1609459400-{run}")) == {"a": 1}
        assert shown(server, cookie({"a": 1}, "1609459400-00000000")) == {}, "of the program before"
        assert shown(server, cookie({"a": 1}, f"1609459300-{run}")) == {}
        execute(server, f"session_module.time = lambda: {NOW}")
        assert client.get("/session").json() == {}


@pytest.mark.parametrize(
    "expression, raised",
    [
        ("Sessions(key='short')", "ValueError: key must be at least 16 bytes"),
        ("Sessions(key=[b'0123456789abcdef', b''])", "ValueError: key must be at least 16 bytes"),
        ("Sessions(key=[])", "ValueError: key must be at least 16 bytes"),
        ("sessions.save({'a': 'x' * 800})", "ValueError: the session is too large for a cookie: 1141 bytes, of 1024"),
    ],
)
def test_refusals(server, expression, raised):
    assert evaluate(server, expression) == raised


def test_key_of_its_own(server):
    """Without a key each has one that nobody knows."""
    execute(server, "one, two = Sessions(secure=True), Sessions()")
    value = evaluate(server, "one.save({'a': 1}).headers[0][1]")
    assert "; Secure; HttpOnly" in value
    execute(server, "class Said:\n    def __init__(self, value): self.cookies = {'session': value}")
    value = value.split(";")[0].partition("=")[2]
    assert evaluate(server, f"(one.load(Said({value!r})), two.load(Said({value!r})))") == [{"a": 1}, {}]


def test_token(server):
    with server.client(follow_redirects=True) as client:
        assert client.post("/form", data={"csrf_token": ""}).status_code == 403
        assert client.get("/form").text == "none"
        token = client.get("/form?token=1").text
        assert len(token) == 32 and client.get("/form?token=1").text == token
        assert client.post("/form", data={"csrf_token": token}).text == "done"
        assert client.post("/form", headers={"X-CSRF-Token": token}).text == "done"
        for wrong in (
            {},
            {"csrf_token": ""},
            {"csrf_token": token[:-1]},
            {"csrf_token": token + "0"},
            {"csrf_token": "0" * 32},
        ):
            answer = client.post("/form", data=wrong)
            assert (answer.status_code, answer.text) == (
                403,
                "the form is too old, or is not ours: load its page again\n",
            )
        assert client.post("/form", headers={"X-CSRF-Token": "0" * 32}, data={"csrf_token": token}).status_code == 403
        client.cookies.clear()
        assert client.post("/form", data={"csrf_token": token}).status_code == 403, "a token is of one session"


def test_time_of_the_real_clock(start):
    server = start(PROGRAM)
    with server.client(follow_redirects=True) as client:
        assert client.post("/login", data={"user": "me"}).json() == {"user": "me"}
        data, expires, _ = client.cookies["session"].split(".")
        assert abs(int(expires.partition("-")[0]) - time.time() - 1000) < 60 or "-" in expires
