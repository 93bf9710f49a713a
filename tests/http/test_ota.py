"""Files replaced over the network: by whom, where, and as a whole or not at all."""

import base64
import hashlib
import random
import shutil
import subprocess

import pytest

import target as targets

APP = """
import os
import modhttp

app = modhttp.Server(max_body=4000, progress_timeout=2)
app.ota("/ota", ".", token="secret", max_size=60000, reset=lambda: print("reset", "now"))
app.ota("/own", "own", allow=lambda request: "letmein" in request.query)

@app.get("/files")
def files(request):
    return [name for name, *_ in os.ilistdir() if name != "program.py"]

@app.get("/file/<path:name>")
def file(request, name):
    with open(name, "rb") as file:
        while True:
            piece = file.read(512)
            if not piece:
                return
            yield piece

app.run(port=80)
"""

TOKEN = {"Authorization": "Bearer secret"}


@pytest.fixture(scope="module")
def server(target, tmp_path_factory):
    files = {"old.py": b"old\n", "directory/file.py": b"file\n"}
    with targets.Program(target, APP, tmp_path_factory.mktemp("ota"), files=files) as program:
        yield program


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def digest(data):
    return {"Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"}


def test_new_and_old(server):
    with server.client(headers=TOKEN) as client:
        for data in (b"first\n", noise(30000), b""):
            status = client.put("/ota/new.py", content=data).status_code
            assert status == (201 if data == b"first\n" else 204)
            assert client.get("/file/new.py").content == data
        assert client.put("/ota/a/b/c.py", content=b"deep").status_code == 201
        assert client.get("/file/a/b/c.py").content == b"deep"
        assert not [name for name in client.get("/files").json() if ".new" in name], "nothing is left beside them"


@pytest.mark.parametrize("fields", [{}, {"Authorization": "Bearer"}, {"Authorization": "Bearer secre"},
                                    {"Authorization": "Bearer secret1"}, {"Authorization": "Basic secret"}])
def test_who_may_not(server, fields):
    with server.client() as client:
        answer = client.put("/ota/old.py", content=b"evil", headers=fields)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert client.put("/own/file.py", content=b"evil", headers=TOKEN).status_code == 401
        assert client.get("/file/old.py").content == b"old\n"


def test_who_may_is_the_programs_to_say(server):
    with server.client() as client:
        assert client.put("/own/file.py?letmein", content=b"mine").status_code == 201
        assert client.get("/file/own/file.py").content == b"mine"


OUTSIDE = ["../evil.py", "a/../../evil.py", "%2e%2e/evil.py", "a/%2e%2e%2f%2e%2e/evil.py", "..%5cevil.py"]


@pytest.mark.parametrize("name", [*OUTSIDE, "a%5c..%5cevil.py", "evil%00.py", "a//evil.py", "%2fevil.py", "a/"])
def test_never_outside(server, name):
    fields = "Host: a\r\nAuthorization: Bearer secret\r\nContent-Length: 4\r\n"
    with server.wire() as wire:
        wire.send(f"PUT /ota/{name} HTTP/1.1\r\n{fields}\r\nevil".encode())
        assert wire.answer().status in (400, 404)
    assert not [name for name in server.get("/files").json() if "evil" in name]


def test_what_is_in_the_way(server):
    with server.client(headers=TOKEN) as client:
        answer = client.put("/ota/directory", content=b"x")
        assert (answer.status_code, answer.text) == (409, "directory is a directory\n")
        answer = client.put("/ota/old.py/new.py", content=b"x")
        assert (answer.status_code, answer.text) == (409, "old.py/new.py: there is a file in its way\n")
        assert client.get("/file/directory/file.py").content == b"file\n"


def test_digest(server):
    data = noise(9000)
    with server.client(headers=TOKEN) as client:
        assert client.put("/ota/checked.py", content=data, headers=digest(data)).status_code == 201
        both = {"Content-Digest": "sha-512=:AAAA:, " + digest(data)["Content-Digest"]}
        assert client.put("/ota/checked.py", content=data, headers=both).status_code == 204
        other = {"Content-Digest": "sha-512=:AAAA:"}
        assert client.put("/ota/checked.py", content=data, headers=other).status_code == 204
        answer = client.put("/ota/checked.py", content=b"other", headers=digest(data))
        assert (answer.status_code, "digest" in answer.text) == (400, True)
        for malformed in ("sha-256=abcd", "sha-256=:abcd:", "sha-256=:*:", "sha-256=", "sha-256"):
            answer = client.put("/ota/checked.py", content=data, headers={"Content-Digest": malformed})
            assert answer.status_code == 400, malformed
        assert client.get("/file/checked.py").content == data


def test_what_is_not_the_file_itself(server):
    with server.client(headers=TOKEN) as client:
        for fields, status in (({"Content-Range": "bytes 0-2/6"}, 400), ({"Content-Encoding": "gzip"}, 415)):
            assert client.put("/ota/old.py", content=b"new", headers=fields).status_code == status
        assert client.put("/ota/old.py", content=noise(60001)).status_code == 413
        assert client.get("/file/old.py").content == b"old\n"


def test_a_client_that_stops_changes_nothing(server):
    fields = "PUT /ota/old.py HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\nContent-Length: 50000\r\n\r\n"
    before = server.get("/files").json()
    with server.wire() as wire:
        wire.send(fields.encode() + noise(20000))
        assert server.get("/file/old.py").content == b"old\n", "others are served meanwhile"
        assert wire.answer().status == 408
    with server.wire() as wire:
        wire.send(fields.encode() + noise(20000))
        wire.vanish()
    for _ in range(100):
        if server.get("/files").json() == before:
            break
    assert server.get("/files").json() == before
    assert server.get("/file/old.py").content == b"old\n"


def test_reset(server):
    with server.client(headers=TOKEN) as client:
        assert client.put("/ota/new2.py?reset", content=b"x").status_code == 201
        server.wait_for("reset now")
        assert client.put("/own/x.py?letmein&reset", content=b"x").status_code == 403


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(server, tmp_path):
    data = noise(20000)
    (tmp_path / "program.bin").write_bytes(data)
    command = ["curl", "-s", "--oauth2-bearer", "secret", "-T", tmp_path / "program.bin", "-w", "%{http_code}"]
    done = subprocess.run([*command, server.url + "/ota/curl.py"], check=True, capture_output=True,
                          timeout=server.patience)
    assert done.stdout == b"201"
    assert server.get("/file/curl.py").content == data


def test_nobody_may_by_mistake(start):
    program = start("""
import modhttp
app = modhttp.Server()
for keywords in ({}, {"token": ""}, {"token": None}, {"token": "a", "allow": lambda request: True}):
    try:
        app.ota("/ota", **keywords)
    except ValueError as error:
        print(error)
print("tried")
""", wait=False)
    assert program.finish() == 0
    assert program.console.count("ota() changes programs: say who may") == 4


@pytest.mark.parametrize("target", ["host"], indirect=True)
def test_killed_at_any_byte(target, tmp_path):
    """The old file or the new one, whenever the program dies."""
    old, new = noise(3000, 2), noise(30000, 3)
    fields = b"Host: a\r\nAuthorization: Bearer secret\r\nContent-Length: 30000\r\n"
    request = b"PUT /ota/file.py HTTP/1.1\r\n" + fields + b"\r\n" + new
    seen = set()
    for sent in (0, 100, 5000, 15000, 29999, len(request) - 1, len(request), len(request)):
        (tmp_path / "file.py").write_bytes(old)
        with targets.Program(target, APP, tmp_path, files={}) as program, program.wire() as wire:
            wire.send(request[:sent])
            if sent == len(request):
                wire.answer()
            program.get("/files")
            program.process.kill()
            program.process.wait()
        found = (tmp_path / "file.py").read_bytes()
        assert found in (old, new)
        seen.add(found == new)
    assert seen == {True, False}
