"""Forms and uploads, with encoders that we did not write: httpx and curl."""

import hashlib
import json
import random
import shutil
import subprocess

import httpx
import pytest

APP = """
import gc
import os
import hashlib
import modhttp

app = modhttp.Server(max_body=4000, progress_timeout=2)

@app.get("/")
def index(request):
    return "here"

@app.get("/files")
def files(request):
    return {name: os.stat(name)[6] for name in os.listdir() if name != "program.py"}

@app.get("/file/<name>")
def file(request, name):
    with open(name, "rb") as file:
        while True:
            piece = file.read(512)
            if not piece:
                return
            yield piece

@app.post("/form")
def form(request):
    first = request.form
    assert request.form == first
    return first

@app.post("/body-then-parts")
def body_then_parts(request):
    size = len(request.body)
    return [size] + [[part.name, part.read().decode()] for part in request.parts()]

def told(part, size, crc):
    return [part.name, part.filename, part.safe_name, part.content_type, size, crc]

@app.post("/parts")
def parts(request):
    found = []
    piece = bytearray(700)
    for part in request.parts():
        digest, size = hashlib.sha256(), 0
        while True:
            n = part.readinto(piece)
            if not n:
                break
            digest.update(memoryview(piece)[:n])
            size += n
        assert part.read() == b""
        found.append(told(part, size, digest.digest().hex()))
    return found

@app.post("/async-parts")
async def async_parts(request):
    found = []
    piece = bytearray(700)
    async for part in request.parts():
        digest, size = hashlib.sha256(), 0
        while True:
            n = await part.readinto(piece)
            if not n:
                break
            digest.update(memoryview(piece)[:n])
            size += n
        assert await part.read() == b""
        found.append(told(part, size, digest.digest().hex()))
    return found

@app.post("/names")
def names(request):
    return [part.name for part in request.parts()]

@app.post("/limits")
def limits(request):
    return [[part.name, len(part.read(max_size=10))] for part in request.parts(max_part=20, max_parts=2)]

@app.post("/save")
def save(request):
    gc.collect()
    free, sizes = gc.mem_free(), []
    for part in request.parts():
        if part.filename:
            sizes.append(part.save(part.safe_name, max_size=70000))
            gc.collect()
    return {"sizes": sizes, "taken": free - gc.mem_free()}

@app.post("/async-save")
async def async_save(request):
    sizes = []
    async for part in request.parts():
        if part.filename:
            sizes.append(await part.save(part.safe_name, max_size=70000))
    return {"sizes": sizes}

@app.post("/save-to-file")
def save_to_file(request):
    with open("own.bin", "wb") as file:
        return [part.save(file) for part in request.parts()]

@app.post("/late")
def late(request):
    parts = list(request.parts())
    return parts[0].read()

@app.post("/bad-arguments")
def bad_arguments(request):
    said = []
    for keywords in ({"max_part": -1}, {"max_parts": 65536}, {"nonsense": 1}, {"max_part": "a"}):
        try:
            request.parts(**keywords)
        except (ValueError, TypeError) as error:
            said.append(str(error))
    return said
"""

RUN = "\napp.run(port=80)\n"


@pytest.fixture(scope="module")
def server(target, tmp_path_factory):
    import target as targets

    with targets.Program(target, APP + RUN, tmp_path_factory.mktemp("forms"), files={}) as program:
        yield program


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def multipart(*parts):
    """A body with boundary xyz, of (disposition, data)."""
    body = b"".join(b"--xyz\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % part for part in parts)
    return body + b"--xyz--\r\n"


def head(path, length, content_type="multipart/form-data; boundary=xyz"):
    fields = f"Host: a\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
    return f"POST {path} HTTP/1.1\r\n{fields}\r\n".encode()


def post(server, path, body, content_type="multipart/form-data; boundary=xyz"):
    with server.client() as client:
        return client.post(path, content=body, headers={"Content-Type": content_type})


# ---- request.form

def test_form_of_either_kind(server):
    with server.client() as client:
        fields = {"name": "b\u00e4r & co", "empty": "", "two": ["1", "2"]}
        expected = {"name": "b\u00e4r & co", "empty": "", "two": "1"}
        assert client.post("/form", data=fields).json() == expected
        files = {"file": ("a.txt", b"not a field", "text/plain")}
        assert client.post("/form", data=fields, files=files).json() == expected
        assert client.post("/form", data=fields, files={"f": ("a", noise(5000))}).status_code == 413, "over max_body"


def test_form_that_is_malformed(server):
    for body in (b"", b"x", multipart((b"name=a", b"1"))[:-9], multipart((b"name=a", b"\xff"))):
        answer = post(server, "/form", body)
        assert (answer.status_code, answer.text.count("form")) == (400, 1), answer.text
    assert post(server, "/form", b"x", "multipart/form-data").text == "the form's boundary is missing or malformed\n"


def test_parts_of_a_body_that_has_been_read(server):
    body = multipart((b"name=a", b"1"), (b"name=b", b"2" * 300))
    assert post(server, "/body-then-parts", body).json() == [len(body), ["a", "1"], ["b", "2" * 300]]


# ---- request.parts()

@pytest.mark.parametrize("path", ["/parts", "/async-parts"])
@pytest.mark.parametrize("size", [0, 100, 60000])
def test_parts(server, path, size):
    data = noise(size)
    files = {
        "text": (None, "gr\u00fc\u00df dich"),
        "file": ('../C:\\b\u00e4r "1".bin', data, "application/x-own"),
        "nothing": ("x", b"", None),
    }
    with server.client() as client:
        found = client.post(path, files=files).json()

    def sha(data):
        return hashlib.sha256(data).hexdigest()

    text = "gr\u00fc\u00df dich".encode()
    assert found == [
        ["text", None, "unnamed", None, len(text), sha(text)],
        ["file", '../C:\\b\u00e4r "1".bin', "b\u00e4r 1.bin", "application/x-own", size, sha(data)],
        ["nothing", "x", "x", found[2][3], 0, sha(b"")],
    ]


@pytest.mark.parametrize("path", ["/parts", "/async-parts"])
def test_urlencoded_parts(server, path):
    with server.client() as client:
        found = client.post(path, data={"a": "1 & 2", "b": "x" * 20000}).json()
    assert [[*part[:2], part[4]] for part in found] == [["a", None, 5], ["b", None, 20000]]
    assert found[1][5] == hashlib.sha256(b"x" * 20000).hexdigest()


def test_chunked(server):
    body = multipart((b"name=a", noise(9000)), (b"name=b", b""))

    def pieces():
        for at in range(0, len(body), 777):
            yield body[at : at + 777]

    found = post(server, "/parts", pieces()).json()
    assert [[part[0], part[4]] for part in found] == [["a", 9000], ["b", 0]]


def test_parts_that_are_not_read_are_skipped(server):
    body = multipart((b"name=a", noise(9000)), (b"name=b", noise(300)), (b"name=c", b""))
    assert post(server, "/names", body).json() == ["a", "b", "c"]
    assert post(server, "/late", body).status_code == 500
    server.wait_for("this part is over: read it before the next one begins")


def test_what_is_no_form(server):
    for content_type in ("application/json", "text/plain", ""):
        answer = post(server, "/parts", b"{}", content_type)
        assert answer.status_code == 415
        assert "multipart/form-data" in answer.text


def test_limits(server):
    assert post(server, "/limits", multipart((b"name=a", b"1" * 10), (b"name=b", b""))).json() == [["a", 10], ["b", 0]]
    for body, text in (
        (multipart((b"name=a", b"1" * 11)), "the form's part a is larger than 10 bytes"),
        (multipart((b"name=a", b"1" * 21)), "a part of the form is too large"),
        (multipart(*[(b"name=a", b"1")] * 3), "the form has too many parts"),
        (multipart((b"name=" + b"a" * 1100, b"1")), "a part of the form has too large a head"),
    ):
        answer = post(server, "/limits", body)
        assert (answer.status_code, answer.text) == (413, text + "\n")


def test_bad_arguments(server):
    said = post(server, "/bad-arguments", multipart((b"name=a", b"1"))).json()
    assert said[:2] == ["max_part must be 0 to 1073741823", "max_parts must be 0 to 65535"]
    assert len(said) == 4


# ---- files

@pytest.mark.parametrize("path", ["/save", "/async-save"])
def test_save(server, path):
    one, two = noise(65000), noise(3000, 2)
    with server.client() as client:
        files = [("f", ("one.bin", one)), ("f", ("../two.bin", two)), ("g", (None, "text"))]
        said = client.post(path, files=files).json()
        assert said["sizes"] == [len(one), len(two)]
        assert said.get("taken", 0) < 4000, "whatever its size, in constant memory"
        assert client.get("/file/one.bin").content == one
        assert client.get("/file/two.bin").content == two
        assert client.post(path, files=[("f", ("two.bin", b"now short"))]).json()["sizes"] == [9]
        assert client.get("/file/two.bin").content == b"now short"


def test_save_to_an_open_file(server):
    assert post(server, "/save-to-file", multipart((b"name=a", b"123"), (b"name=b", b"4567"))).json() == [3, 4]
    assert server.get("/file/own.bin").content == b"1234567"


@pytest.mark.parametrize("path", ["/save", "/async-save"])
def test_what_is_too_large_leaves_nothing(server, path):
    with server.client() as client:
        client.post(path, files={"f": ("kept.bin", b"old")})
        before = client.get("/files").json()
        answer = client.post(path, files={"f": ("kept.bin", noise(70001))})
        assert (answer.status_code, answer.text) == (413, "the form's part f is larger than 70000 bytes\n")
        assert client.get("/files").json() == before
        assert client.get("/file/kept.bin").content == b"old"


@pytest.mark.parametrize("path", ["/save", "/async-save"])
@pytest.mark.parametrize("end", ["stops", "goes", "vanishes"])
def test_a_client_that_stops_leaves_nothing(server, path, end):
    before = server.get("/files").json()
    body = multipart((b"name=f; filename=partial.bin", noise(30000)))
    with server.wire() as wire:
        wire.send(head(path, len(body)) + body[:20000])
        if end == "stops":
            assert wire.answer().status == 408
        elif end == "goes":
            wire.end()
            assert wire.answer().status == 400, "OSError in the handler; whoever listens yet hears of it"
        else:
            wire.vanish()
    with server.client() as client:
        for _ in range(100):
            if client.get("/files").json() == before:
                break
        assert client.get("/files").json() == before


def test_an_async_handler_leaves_others_their_turn(server):
    """While a client is slow with its file, in whatever loop the server runs."""
    data = noise(30000)
    body = multipart((b"name=f; filename=slow.bin", data))
    with server.wire() as slow, server.client() as client:
        slow.send(head("/async-save", len(body)))
        for at in range(0, len(body), 6000):
            slow.send(body[at : at + 6000])
            assert client.get("/").text == "here"
        assert json.loads(slow.answer().body) == {"sizes": [30000]}
        assert client.get("/file/slow.bin").content == data


ASYNCIO = "\nimport asyncio\nasyncio.run(app.serve(port=80))\n"
BACKGROUND = "\nimport time\napp.start(port=80, background=True)\nwhile True:\n    time.sleep(1)\n"
LOADED = "\nimport asyncio\napp.start(port=80)\nwhile True:\n    app.poll(100)\n"


@pytest.mark.parametrize("run", [ASYNCIO, BACKGROUND, LOADED], ids=["asyncio", "background", "loaded"])
def test_in_other_loops(target, tmp_path, run):
    import target as targets

    with targets.Program(target, APP + run, tmp_path, files={}) as program:
        test_an_async_handler_leaves_others_their_turn(program)
        test_save(program, "/async-save")
        test_a_client_that_stops_leaves_nothing(program, "/async-save", "stops")
        test_a_client_that_stops_leaves_nothing(program, "/async-save", "vanishes")


# ---- curl

@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(server, tmp_path):
    data = noise(20000)
    file = tmp_path / 'a "b".bin'
    file.write_bytes(data)
    quoted = str(file).replace('"', '\\"')
    command = ["curl", "-s", "-F", "text=1;2", "-F", f'file=@"{quoted}"', server.url + "/parts"]
    for form in ([], ["--form-escape"]):
        done = subprocess.run([*command, *form], check=True, capture_output=True, timeout=server.patience)
        found = json.loads(done.stdout)
        assert [part[:3] for part in found] == [["text", None, "unnamed"], ["file", 'a "b".bin', "a b.bin"]]
        assert found[1][4:] == [20000, hashlib.sha256(data).hexdigest()]


def test_a_form_that_goes_on_and_on(server):
    """What is in no part, or in none that is wanted, is no work without end."""
    with server.wire() as wire:
        wire.send(head("/names", 1 << 30) + b"x" * 3000)
        assert wire.answer().status == 413
    with server.wire() as wire:
        wire.send(head("/names", 1 << 30) + multipart((b"name=a", b"1"))[:-9] * 65)
        assert wire.answer().status == 413
    assert httpx.get(server.url, trust_env=False).text == "here"
