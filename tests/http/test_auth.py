"""Who may in: Basic, Bearer and Digest, of routes, sensors and values, asked by clients that others wrote."""

import base64
import hashlib
import re
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
import requests
import requests.auth
from natives import evaluate, execute

PROGRAM = (Path(__file__).parent / "who.py").read_text()

ME = {"basic": "secret", "hashed": "secret", "asked": "asked"}


@pytest.fixture
def server(program):
    return program(PROGRAM)


def pair(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def ask(server, path, authorization=None):
    with server.client() as client:
        return client.get(path, headers={"Authorization": authorization} if authorization else {})


def curl(server, *words):
    """(status of the last answer, its body)"""
    command = ["curl", "-s", "-w", "\n%{http_code}", "-m", str(server.patience), *words[:-1], server.url + words[-1]]
    body, _, status = subprocess.run(command, check=True, capture_output=True, text=True).stdout.rpartition("\n")
    return int(status), body


# ---- Basic


@pytest.mark.parametrize("kind", ME)
def test_basic_of_clients(server, kind):
    auth = httpx.BasicAuth("me", ME[kind])
    with server.client(auth=auth) as client:
        for _ in range(2):
            assert client.get(f"/{kind}/who").text == "me"
            assert client.get(f"/{kind}/sensor").json() == {"celsius": 20.5}
            assert client.get(f"/{kind}/value").text == f"the value of {kind}"
        assert client.get(f"/{kind}/sensor?last=1").json()["samples"]
        assert client.get(f"/{kind}/sensor.csv").text.startswith("seq,ms,celsius\r\n")
        assert client.head(f"/{kind}/sensor").headers["content-length"] == "16"
        tag = client.get(f"/{kind}/sensor").headers["etag"]
        assert client.get(f"/{kind}/sensor", headers={"If-None-Match": tag}).status_code == 304
        assert client.post(f"/{kind}/who", content=b"x" * 5000).text == "me"
        with client.stream("GET", f"/{kind}/sensor/events") as answer:
            assert next(answer.iter_lines()).startswith("id: ")
    assert curl(server, "-u", f"me:{ME[kind]}", f"/{kind}/who") == (200, "me")
    assert curl(server, "-u", f"me:{ME[kind]}", f"/{kind}/sensor") == (200, '{"celsius":20.5}')
    assert curl(server, "-u", f"me:{ME[kind]}", "-d", "a=1", f"/{kind}/who") == (200, "me")


def test_basic_in_other_scripts(server):
    with server.client(auth=("blåbær", "pass:wörd")) as client:
        assert client.get("/basic/who").text == "blåbær"
        assert client.get("/basic/sensor").status_code == 200
    assert ask(server, "/basic/who", pair("empty", "")).text == "empty"
    assert ask(server, "/basic/who", pair("me", "secret").replace("Basic ", "bASIC   ")).text == "me"


@pytest.mark.parametrize("path", ["who", "sensor", "sensor.csv", "sensor.bin", "sensor/events", "value"])
@pytest.mark.parametrize("kind", ME)
def test_challenge(server, kind, path):
    realm = "greenhouse" if kind == "basic" else "modhttp"
    for method in ("GET", "HEAD"):
        with server.client() as client:
            answer = client.request(method, f"/{kind}/{path}")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == f'Basic realm="{realm}", charset="UTF-8"'
        assert answer.text == ("401 Unauthorized\n" if method == "GET" else "")


WRONG = [
    pair("me", "wrong"),
    pair("me", "secre"),
    pair("me", "secrets"),
    pair("you", "secret"),
    pair("", ""),
    pair("me", ""),
    "Basic",
    "Basic bWU6c2VjcmV0=",
    "Basic bWU6c2VjcmV",
    "Basic bWU6c2Vjcm(0",
    "Basic bWVzZWNyZXQ=",
    "Basic /+8=",
    "Basic =",
    "Bearer bWU6c2VjcmV0",
    "Basix bWU6c2VjcmV0",
    'Basic a="b"',
    'Digest username="me"',
]


@pytest.mark.parametrize("kind", ME)
@pytest.mark.parametrize("path", ["who", "sensor"])
def test_wrong_credentials(server, kind, path):
    for wrong in WRONG:
        malformed = wrong.endswith(("(0", " ="))
        answer = ask(server, f"/{kind}/{path}", wrong)
        assert (answer.status_code, "www-authenticate" in answer.headers) == (
            (400, False) if malformed else (401, True)
        ), wrong
        assert ask(server, f"/{kind}/{path}", pair("me", ME[kind])).status_code == 200


@pytest.mark.parametrize("path", ["/basic/who", "/basic/sensor", "/hashed/who", "/hashed/sensor", "/digest/who"])
def test_malformed_fields(server, path):
    good = "Authorization: " + pair("me", "secret")
    for fields in (
        f"{good}\r\n{good}",
        f"{good}\r\nauthorization: x",
        "Authorization:",
        "Authorization: Digest a=",
        'Authorization: Digest a="b',
        "Authorization: Digest a=b c=d",
        "Authorization: ,",
        *(["Authorization: Digest a=b, A=c"] if "who" in path and "basic" not in path else []),
    ):
        with server.wire() as wire:
            wire.get(path, fields + "\r\n")
            assert wire.answer().status in ((401,) if fields.endswith("a=") else (400,)), fields
            wire.get("/open")
            assert wire.answer().status == 200, "the connection goes on"
    for kind in ("basic", "hashed"):
        assert ask(server, f"/{kind}/who", pair("me", "secret")).status_code == 200
    assert (
        httpx.get(server.url + "/digest/who", auth=httpx.DigestAuth("me", "secret"), timeout=server.patience).text
        == "me"
    )


def test_answers_go_on_in_order(server):
    """Pipelined: with credentials and without, native and Python's."""
    good = f"Authorization: {pair('me', 'secret')}\r\n"
    with server.wire() as wire:
        wanted = []
        for path, fields, status in (
            ("/basic/sensor", good, 200),
            ("/basic/sensor", "", 401),
            ("/hashed/sensor", good, 200),
            ("/basic/who", good, 200),
            ("/hashed/value", good, 200),
            ("/open", "", 200),
        ) * 2:
            wire.get(path, fields)
            wanted.append(status)
        assert [wire.answer().status for _ in wanted] == wanted


def test_sensor_that_python_lets_pass_when_the_body_is_large(server):
    """What was gathered, or is still to come, does not get in the answer's way."""
    for size in (10, 5000, 30000):
        with server.wire() as wire:
            wire.send(
                f"GET /hashed/sensor HTTP/1.1\r\nHost: t\r\nAuthorization: {pair('me', 'secret')}\r\n"
                f"Content-Length: {size}\r\n\r\n".encode()
                + b"x" * size
            )
            answer = wire.answer()
            assert (answer.status, answer.body) == (200, b'{"celsius":20.5}')
            wire.get("/open")
            assert wire.answer().status == 200


def test_native_answers_while_python_is_busy(server):
    """Right and wrong credentials are told apart in C."""
    pause = 5 if server.target == "rp2040" else 2
    ask(server, "/basic/sensor", pair("me", "secret"))
    thread = threading.Thread(target=execute, args=(server, f"time.sleep({pause})"))
    thread.start()
    time.sleep(0.5)
    begin = time.monotonic()
    with server.client() as client:
        assert client.get("/basic/sensor").status_code == 401
        assert client.get("/basic/sensor", auth=("me", "secret")).json() == {"celsius": 20.5}
        assert client.get("/bearer/value", headers={"Authorization": "Bearer bGFtcA=="}).text == "the value of bearer"
    assert time.monotonic() - begin < pause - 1 or not thread.is_alive(), "it was answered meanwhile"
    busy = thread.is_alive()
    thread.join()
    assert busy


def test_patterns_that_reach_below_a_prefix(server):
    assert ask(server, "/else/x").text == "anything"
    others = "/%62asic/none", "/x/../basic/none", "//basic//none", "/BASIC/none"
    with server.wire() as wire:
        for path in ("/basic", "/basic/", "/basic/none", *others):
            wire.get(path)
            assert wire.answer().status == 401, path
            wire.get(path, f"Authorization: {pair('me', 'secret')}\r\n")
            assert wire.answer().body == b"anything", path
    for path in ("/basics/none", "/x/basic/none", "/7/either"):
        assert ask(server, path).text == "anything"


def test_required(server):
    assert ask(server, "/some").status_code == 401
    assert ask(server, "/some", pair("me", "secret")).text == "some"


# ---- Bearer


def test_bearer(server):
    for token, name in (("mF_9.B5f-4.1JqM", "door"), ("bGFtcA==", "lamp")):
        assert ask(server, "/bearer/who", f"Bearer {token}").text == name
        assert ask(server, "/bearer/sensor", f"bearer {token}").json() == {"celsius": 20.5}
        assert curl(server, "--oauth2-bearer", token, "/bearer/value") == (200, "the value of bearer")
    assert ask(server, "/tokens/who", "Bearer tx").text == "tx"
    for kind in ("bearer", "tokens"):
        for path in ("who", "sensor"):
            answer = ask(server, f"/{kind}/{path}")
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="modhttp"')
    for wrong in ("Bearer mF_9.B5f-4.1JqN", "Bearer bGFtcA=", "Bearer", "Basic bGFtcA=="):
        for path in ("who", "sensor"):
            assert ask(server, f"/bearer/{path}", wrong).status_code == 401
            assert ask(server, "/bearer/who", "Bearer bGFtcA==").status_code == 200
        answer = ask(server, "/tokens/who", wrong)
        assert answer.headers["www-authenticate"] == 'Bearer realm="modhttp", error="invalid_token"'
        assert ask(server, "/tokens/sensor", "Bearer t").status_code == 200


# ---- Digest


def test_digest_of_clients(server):
    with server.client(auth=httpx.DigestAuth("me", "secret")) as client:
        for count, path in enumerate(("/digest/who", "/digest/who?a=1&b=%20", "/digest/sensor", "/digest/value"), 1):
            answer = client.get(path)
            assert answer.status_code == 200 and f"nc={count:08x}" in answer.request.headers["authorization"]
        assert client.post("/digest/who", content=b"x" * 3000).text == "me"
        assert client.get("/digest/sensor").json() == {"celsius": 20.5}
    with server.client(auth=httpx.DigestAuth("you", "yours")) as client:
        assert client.get("/digest/who").text == "you"
    assert curl(server, "--digest", "-u", "me:secret", "/digest/who?x=1") == (200, "me")
    assert curl(server, "--digest", "-u", "me:secret", "/digest/sensor") == (200, '{"celsius":20.5}')
    assert curl(server, "--digest", "-u", "me:secret", "-d", "a=1", "/digest/who") == (200, "me")
    assert curl(server, "--anyauth", "-u", "me:secret", "/digest/who") == (200, "me")
    assert curl(server, "--digest", "-u", "me:wrong", "/digest/who")[0] == 401
    assert curl(server, "--digest", "-u", "me:secret", "/digest/who") == (200, "me")


def test_digest_of_requests(server):
    """Which goes on with a nonce from request to request, as httpx does, and takes a new one when that is stale."""
    with requests.Session() as session:
        session.trust_env = False
        session.auth = requests.auth.HTTPDigestAuth("me", "secret")
        for path in ("/digest/who", "/digest/sensor", "/brief/who"):
            assert session.get(server.url + path, timeout=server.patience).status_code == 200
        time.sleep(1.2 if server.target != "rp2040" else 5)
        for path in ("/brief/who", "/digest/who"):
            assert session.get(server.url + path, timeout=server.patience).text == "me"
        session.auth = requests.auth.HTTPDigestAuth("me", "wrong")
        assert session.get(server.url + "/digest/who", timeout=server.patience).status_code == 401
        session.auth = ("me", "secret")
        assert session.get(server.url + "/basic/sensor", timeout=server.patience).json() == {"celsius": 20.5}
    assert outcome(server, response(challenge(server), 1)) == 200


def challenge(server, path="/digest/who"):
    said = ask(server, path).headers["www-authenticate"]
    assert said.startswith("Digest ")
    return dict(re.findall(r'(\w+)="?([^",]+)"?', said[7:]))


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def response(said, count, path="/digest/who", name="me", password="secret", **changed):
    """An Authorization field, composed here and not by a client, so that it can be wrong."""
    values = {
        "username": name,
        "realm": said["realm"],
        "nonce": said["nonce"],
        "uri": path,
        "algorithm": "SHA-256",
        "qop": "auth",
        "nc": f"{count:08x}",
        "cnonce": "0a4f113b",
        "opaque": said["opaque"],
    } | changed
    secret = sha256(f"{name}:{said['realm']}:{password}")
    signed = [values.get(key) or "" for key in ("nonce", "nc", "cnonce", "qop")]
    values.setdefault("response", sha256(":".join([secret, *signed, sha256(f"GET:{values.get('uri')}")])))
    bare = ("algorithm", "qop", "nc")
    return "Digest " + ", ".join(
        f"{key}={value}" if key in bare else f'{key}="{value}"' for key, value in values.items() if value is not None
    )


def outcome(server, authorization, path="/digest/who"):
    answer = ask(server, path, authorization)
    stale = ", stale=true" in answer.headers.get("www-authenticate", "")
    return "stale" if stale else answer.status_code


def test_each_request_once(server):
    said = challenge(server)
    for count, expected in (
        (1, 200),
        (1, "stale"),
        (2, 200),
        (5, 200),
        (3, 200),
        (3, "stale"),
        (4, 200),
        (5, "stale"),
        (40, 200),
        (8, "stale"),
        (9, 200),
        (9, "stale"),
        (0, "stale"),
        (0xFFFFFFFF, 200),
        (40, "stale"),
        (0xFFFFFFFF, "stale"),
        (0xFFFFFFFE, 200),
    ):
        assert outcome(server, response(said, count)) == expected, count


@pytest.mark.parametrize(
    "changed",
    [
        {"response": "0" * 64},
        {"response": ""},
        {"response": None},
        {"username": "you"},
        {"username": None},
        {"realm": "other"},
        {"opaque": "0" * 16},
        {"opaque": None},
        {"nonce": "0" * 48},
        {"nonce": ""},
        {"nonce": "\u00e9"},
        {"nonce": None},
        {"qop": "auth-int"},
        {"qop": None},
        {"nc": "1"},
        {"nc": "+0000001"},
        {"nc": None},
        {"cnonce": None},
        {"algorithm": "MD5"},
        {"algorithm": None},
        {"uri": None},
        {"username": "nobody"},
    ],
    ids=str,
)
def test_wrong_digests(server, changed):
    said = challenge(server)
    with server.wire() as wire:
        wire.send(
            b"GET /digest/who HTTP/1.1\r\nHost: t\r\nAuthorization: "
            + response(said, 1, **changed).encode("latin-1")
            + b"\r\n\r\n"
        )
        answer = wire.answer()
    assert answer.status == 401 and "stale" not in answer.headers["www-authenticate"]
    assert outcome(server, response(said, 2)) == 200


def test_signed_nonces(server):
    said = challenge(server)
    for at in (0, 7, 8, 15, 16, 47):
        nonce = said["nonce"]
        forged = nonce[:at] + ("0" if nonce[at] != "0" else "1") + nonce[at + 1 :]
        assert outcome(server, response(said | {"nonce": forged}, 1)) == 401
        assert outcome(server, response(said, at + 1)) == 200
    assert outcome(server, response(said | {"nonce": said["nonce"] + "0"}, 50)) == 401
    assert outcome(server, response(said, 51)) == 200


def test_digest_is_of_this_request(server):
    said = challenge(server)
    assert outcome(server, response(said, 1, path="/digest/sensor")) == 400
    assert outcome(server, response(said, 1, path="/digest/sensor"), "/digest/sensor") == 200
    assert outcome(server, response(said, 2), "/digest/who?x=1") == 400
    with server.client() as client:
        answer = client.post("/digest/who", headers={"Authorization": response(said, 2)})
        assert answer.status_code == 401, "the method is signed"
    assert outcome(server, response(said, 3)) == 200


def test_nonces_end(server):
    said = challenge(server, "/brief/who")
    assert outcome(server, response(said, 1, "/brief/who"), "/brief/who") == 200
    time.sleep(1.2 if server.target != "rp2040" else 5)
    assert outcome(server, response(said, 2, "/brief/who"), "/brief/who") == "stale"
    with server.client(auth=httpx.DigestAuth("me", "secret")) as client:
        assert client.get("/brief/who").text == "me"


def test_nonces_in_use_are_bounded(server):
    first = challenge(server)
    unused = challenge(server)
    assert outcome(server, response(first, 1)) == 200
    with server.client() as client:
        for _ in range(32):
            said = dict(re.findall(r'(\w+)="?([^",]+)"?', client.get("/digest/who").headers["www-authenticate"][7:]))
            assert client.get("/digest/who", headers={"Authorization": response(said, 1)}).status_code == 200
    assert outcome(server, response(first, 2)) == "stale", "it made room"
    assert outcome(server, response(first, 1)) == "stale", "and was not forgotten as a fresh one"
    assert outcome(server, response(unused, 1)) == 200
    assert evaluate(server, "len(checks['/digest']._used)") == 32


# ---- slowing down


def wait_for(server, path, authorization):
    """Ask until the client need not wait any more. Returns the answer, and how often it had to."""
    waited = 0
    deadline = time.monotonic() + server.patience
    while (answer := ask(server, path, authorization)).status_code == 429:
        waited += 1
        assert 1 <= int(answer.headers["retry-after"]) <= 64
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return answer, waited


@pytest.mark.parametrize("path", ["/basic/sensor", "/basic/who", "/hashed/sensor", "/bearer/value", "/digest/who"])
def test_failed_logins_slow_down(server, path):
    kind = path.split("/")[1]

    def good():
        if kind == "digest":
            return response(challenge(server, path), 1, path)
        return "Bearer bGFtcA==" if kind == "bearer" else pair("me", "secret")

    bad = {"bearer": "Bearer x", "digest": 'Digest username="me"'}.get(kind, pair("me", "guess"))
    assert ask(server, path, good()).status_code == 200
    assert [ask(server, path, bad).status_code for _ in range(4)] == [401] * 4
    blocked = ask(server, path, good())
    assert (blocked.status_code, blocked.headers["retry-after"]) == (429, "1"), "what is right is not told either"
    assert ask(server, path).status_code == 401, "who says nothing is told what to say"
    assert ask(server, "/open").status_code == 200, "nobody else waits"
    answer, waited = wait_for(server, path, bad)
    assert answer.status_code == 401 and waited >= 1
    blocked = ask(server, path, good())
    assert (blocked.status_code, blocked.headers["retry-after"]) == (429, "2")
    time.sleep(2 if server.target != "rp2040" else 7)
    assert ask(server, path, good()).status_code == 200
    assert [ask(server, path, bad).status_code for _ in range(3)] == [401] * 3, "it has a clean slate"
    assert ask(server, path, good()).status_code == 200


def test_a_remembered_request_waits_too(server):
    """What C knows byte for byte is no way around: who guesses all of it learns nothing."""
    known = f"GET /basic/sensor HTTP/1.1\r\nHost: t\r\nAuthorization: {pair('me', 'secret')}\r\n\r\n".encode()
    with server.wire() as wire:
        for _ in range(4):
            wire.send(known)
            assert wire.answer().status == 200
        for _ in range(4):
            wire.get("/basic/sensor", f"Authorization: {pair('me', 'no')}\r\n")
            assert wire.answer().status == 401
        wire.send(known)
        assert wire.answer().status == 429
        time.sleep(1.2 if server.target != "rp2040" else 4)
        for _ in range(3):
            wire.send(known)
            assert wire.answer().status == 200


def test_logins_of_a_form(server):
    def enter(name, password):
        with server.client() as client:
            answer = client.post("/enter", data={"name": name, "password": password})
            return answer.status_code, answer.text

    for _ in range(2):
        for name, password in (("me", "wrong"), ("nobody", "secret"), ("you", "secret")):
            assert enter(name, password) == (403, "out")
        assert enter("me", "secret") == enter("you", "yours") == (200, "in")
    for _ in range(4):
        assert enter("me", "wrong") == (403, "out")
    assert enter("me", "secret") == (429, "too many failed logins: try again in 1 s\n")
    time.sleep(1.2 if server.target != "rp2040" else 4)
    assert enter("me", "secret") == (200, "in")


# ---- what programs get told


@pytest.mark.parametrize(
    "expression, raised",
    [
        (
            "app.protect('/basic', None)",
            "ValueError: protect() comes before what it protects: GET /basic/sensor is there",
        ),
        (
            "app.protect('/other', None)",
            "ValueError: protect() comes before what it protects: GET /<path:rest> is there",
        ),
        ("app.protect('api', None)", "ValueError: prefix must begin with /"),
        ("Basic({'a:b': 'c'})", "ValueError: a name for Basic has no colon"),
        ("Basic({}, realm='a\"b')", "ValueError: a realm is ASCII without quotes, backslashes and controls"),
        (
            "Basic({}, realm='x' * 200)",
            "ValueError: the realm is too long, or has a character that HTTP does not allow",
        ),
        ("Bearer(['a b'])", "ValueError: a token is letters, digits and -._~+/, and = at its end"),
        ("Bearer(['='])", "ValueError: a token is letters, digits and -._~+/, and = at its end"),
        (
            "app.secure()",
            "ValueError: secure() and cors() come before the first sensor, which makes room for what they say",
        ),
    ],
)
def test_refusals(server, expression, raised):
    assert evaluate(server, expression) == raised


def test_callback_is_protected_too(start):
    server = start("""
import modhttp
from modhttp.auth import Basic
app = modhttp.Server()
other = modhttp.Server()
other.protect("/in", Basic({"you": "yours"}))
inner = other.sensor("/in/sensor", celsius=1)
other.route("/<path:any>")(lambda request, any: "inner")
app.protect("/a", Basic({"me": "secret"}))
app.mount("/b", other)
app.callback(lambda request, response: response.send("called"))
app.run(port=80)
""")
    assert ask(server, "/x").text == "called"
    assert ask(server, "/a/x").status_code == 401
    assert ask(server, "/a/x", pair("me", "secret")).text == "called"
    assert ask(server, "/b/x").text == "inner"
    for path in ("/b/in/sensor", "/b/in/else"):
        assert ask(server, path).status_code == 401, path
        assert ask(server, path, pair("me", "secret")).status_code == 401, path
        assert ask(server, path, pair("you", "yours")).status_code == 200, path


def test_before_and_after(start):
    """A whole server's handlers, with an answer that other hooks see; C's endpoints are not asked."""
    server = start("""
import modhttp
from modhttp.auth import Basic, hash_password
app = modhttp.Server()
auth = Basic({"me": hash_password("secret", 3)})
app.before(auth)
app.protect("/in", auth)
app.sensor("/in/sensor", celsius=1)
app.sensor("/free", celsius=1)
@app.after
def mark(request, response):
    response.add_header("X-After", "1")
@app.get("/")
def root(request):
    return auth.user(request)
app.run(port=80)
""")
    answer = ask(server, "/")
    assert (answer.status_code, answer.headers["x-after"]) == (401, "1")
    assert ask(server, "/", pair("me", "secret")).text == "me"
    assert ask(server, "/free").status_code == 200
    assert ask(server, "/in/sensor").status_code == 401
    assert ask(server, "/in/sensor", pair("me", "secret")).json() == {"celsius": 1}


# ---- passwords


def test_hashes(server):
    def hashed(password, salt, count):
        return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, count).hex()

    for password, salt, count in (
        ("password", b"salt", 1),
        ("password", b"salt", 2),
        ("x" * 65, b"NaCl" * 4, 3),
        ("", b"", 4),
    ):
        assert (
            evaluate(server, f"hash_password({password!r}, {count}, {salt!r})")
            == f"pbkdf2-sha256${count}${salt.hex()}${hashed(password, salt, count)}"
        )
    first, second = (evaluate(server, "hash_password('secret', 3)") for _ in range(2))
    assert first != second and re.fullmatch(r"pbkdf2-sha256\$3\$[0-9a-f]{32}\$[0-9a-f]{64}", first)
    module = "__import__('modhttp.secrets').secrets"
    assert evaluate(server, f"{module}.check_password('secret', {first!r})") is True
    assert evaluate(server, f"{module}.check_password('Secret', {first!r})") is False
    for wrong in (
        "secret",
        "pbkdf2-sha256$1$00$00",
        "pbkdf2-sha256$0$00$" + "0" * 64,
        "x$1$00$" + "0" * 64,
        "pbkdf2-sha256$a$b$c",
    ):
        assert (
            evaluate(server, f"{module}.check_password('secret', {wrong!r})")
            == "ValueError: not what hash_password() returns"
        )
    assert evaluate(
        server, "digest_hash('Mufasa', 'http-auth@example.org', 'Circle of Life')"
    ) == "digest-sha256$" + sha256("Mufasa:http-auth@example.org:Circle of Life")


def test_hmac_is_that_of_others(server):
    import hmac

    for key, data in ((b"", b""), (b"k" * 64, b"d"), (b"k" * 65, b"d" * 200)):
        code = evaluate(server, f"list(__import__('modhttp.secrets').secrets.Hmac({key!r})({data!r}))")
        assert bytes(code) == hmac.digest(key, data, "sha256")


def test_random_bytes(server):
    module = "__import__('modhttp.secrets').secrets"
    pieces = [bytes(evaluate(server, f"list({module}.random_bytes({n}))")) for n in (0, 1, 31, 32, 33, 100, 32, 32)]
    assert [len(piece) for piece in pieces] == [0, 1, 31, 32, 33, 100, 32, 32]
    assert len({piece[:16] for piece in pieces[2:]}) == 6
    assert len(set(pieces[5])) > 50
