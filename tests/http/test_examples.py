"""Each program of examples/ does what docs/examples.md shows, as it is written there, and what it is for."""

import json
import re
import subprocess
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

import shown

SECTIONS = shown.sections()
# What their sessions show is what they are for.
SHOWN = ["hello", "three_faces", "form", "stream", "name"]
OLD_SERVERS = ["ahttpserver", "httpserver", "europi", "picohttp", "ytd_http_server", "adafruit_httpserver"]


@pytest.fixture
def visit(start, tmp_path):
    """visit(name) runs an example, does all that the page tells, and returns it, running."""
    def visit_example(name, which=0, **options):
        section = SECTIONS[name]
        program = start(section.programs[which], files=shown.files_of(name), **options)
        for command, answer in section.commands:
            got = shown.type_in(command, program.port, tmp_path)
            assert shown.is_as_shown(got, answer), (command, got)
        return program

    return visit_example


@pytest.mark.parametrize("name", SHOWN)
def test_what_the_page_shows(visit, name):
    visit(name)


@pytest.mark.parametrize("name", OLD_SERVERS)
@pytest.mark.parametrize("which", [0, 1], ids=["before", "after"])
def test_before_and_after_give_the_same_answers(visit, name, which):
    visit(name, which)


def test_three_faces_are_one_led(visit):
    with visit("three_faces").client() as client:
        for path in ("/callback", "/function", "/class"):
            on = not client.get("/function").json()["on"]
            assert client.put(path, json={"on": on}).status_code == 204
            assert [client.get(other).json() for other in ("/function", "/class", "/callback")] == [{"on": on}] * 3


def test_loop_of_its_own(visit):
    with visit("poll_loop").client() as client:
        client.put("/period/10")
        assert {client.get("/").json()["led"] for _ in range(50)} == {0, 1}, "it blinks while it serves"


def test_asyncio(visit):
    """While a client waits for a blink, others are served; the tasks go on."""
    program = visit("asyncio_tasks")
    with program.client() as client, program.wire() as waiting:
        before = int(client.get("/blink").text.split()[1])
        waiting.get("/blink")
        while client.get("/chip").json()["blinks"] < before + 3:
            pass
        assert waiting.answer().body == b"blink %d\n" % (before + 1)
        assert 10 < client.get("/chip").json()["celsius"] < 50


def test_dashboard(visit, target):
    page = shown.ROOT / "rom/dashboard.html.gz"  # which `make run` puts there
    program = visit("dashboard", romfs={page.name: page.read_bytes()} if target == "sanitized" else None)
    with program.client() as client:
        page = client.get("/", headers={"Accept-Encoding": "gzip"})
        assert page.headers["Content-Type"].startswith("text/html") and "</html>" in page.text
        first = client.get("/chip?last=1").json()["seq"]
        deadline = time.monotonic() + program.patience
        while client.get("/chip?last=1").json()["seq"] < first + 3:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_rest_store(visit, start):
    program = visit("rest_store")
    with program.client() as client:
        added = client.post("/items", json={"name": "radio", "id": 99})
        assert (added.status_code, added.headers["Location"], added.json()["id"]) == (201, "/items/3", 3)
        assert client.get("/items/3").json() == added.json()
        for wrong in (b"[1, 2]", b'"text"', b"lamp", b""):
            assert client.post("/items", content=wrong).status_code == 400
        assert client.delete("/items/3").status_code == 204
        assert client.delete("/items/3").status_code == 404
        kept = client.get("/items").json()
        assert [item["id"] for item in kept] == [2]
    program.stop()
    again = start(SECTIONS["rest_store"].programs[0], files={})
    assert again.get("/items").json() == kept


def test_file_manager(visit):
    program = visit("files")
    with program.client() as client:
        pair = [("file", ("a b&c.txt", b"one")), ("file", ("../ü.txt", b"other"))]
        assert client.post("/", files=pair).headers["Location"] == "/"
        assert client.get("/list").json() == [["a b&c.txt", 3], ["ü.txt", 5]]
        assert client.get("/files/%C3%BC.txt").text == "other"
        for path in ("/files/none", "/files/..%2Fprogram.py", "/files/%2e%2e/program.py"):
            assert client.delete(path).status_code in (404, 405)
        assert client.delete("/files/a%20b%26c.txt").status_code == 204
        assert client.get("/files/a%20b%26c.txt").status_code == 404
        assert client.get("/list").json() == [["ü.txt", 5]]


def test_clock(visit):
    program = visit("clock")
    program.wait_for("a clock ends at")
    with program.client() as client, client.stream("GET", "/clock") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        ids = []
        for line in answer.iter_lines():
            ids += re.findall(r"^id: (\d+)", line)
            if len(ids) == 3:
                break
    assert ids == ["0", "1", "2"]


def test_led(start):
    program = start(SECTIONS["led"].programs[0])
    url = program.url.replace("http", "ws") + "/led"
    with connect(url, proxy=None) as one, connect(url, proxy=None) as other:
        said = [json.loads(ws.recv(timeout=program.patience)) for ws in (one, other)]
        assert said == [{"on": False, "level": 50, "duty": 0}] * 2
        for change, duty in (({"on": True, "level": 50}, 32767), ({"on": True, "level": 1000}, 65535),
                             ({"on": False, "level": 70}, 0)):
            one.send(json.dumps(change))
            said = [json.loads(ws.recv(timeout=program.patience)) for ws in (one, other)]
            assert said[0] == said[1]
            assert said[0]["level"] == min(change["level"], 100)
            assert abs(said[0]["duty"] - duty) < 50, "the hardware counts in steps"
    foreign = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": "http://example.com"}
    with program.client() as client:
        assert client.get("/led", headers=foreign).status_code == 403


def test_login(visit):
    server = visit("login")
    with server.client(follow_redirects=True) as client:
        assert "Who are you?" in client.get("/").text
        wrong = client.post("/login", data={"name": "me", "password": "wrong"})
        assert wrong.status_code == 403 and "No. Who are you?" in wrong.text
        answer = client.post("/login", data={"name": "me", "password": "secret"})
        assert "Hello, me" in answer.text and answer.headers["x-frame-options"] == "DENY"
        evil = client.post("/logout", headers={"Sec-Fetch-Site": "cross-site"})
        assert evil.status_code == 403
        assert "Hello, me" in client.get("/").text
        assert "Who are you?" in client.post("/logout").text
        assert "Who are you?" in client.get("/").text
    with server.client(auth=httpx.BasicAuth("me", "wrong")) as client:
        assert client.get("/api/room").status_code == 401


def test_captive_portal(visit, start):
    """Its DNS is tested in tests/wire/test_portal.py."""
    program = visit("captive")
    with program.client() as client:
        assert client.post("/", data={"password": "x"}).status_code == 400
        assert client.get("/generate_204", headers={"Host": "example.com"}).status_code == 302
    program.stop()
    again = start(SECTIONS["captive"].programs[0], files={})
    with again.client() as client:  # the host's stand-in joins any Wi-Fi; the emulated board has none to join with
        status = client.get("/", headers={"Host": "example.com"}).status_code
    assert status == (302 if program.target == "rp2040" else 200)


def test_prometheus(visit):
    """Python sleeps all the time; what C answers is what Prometheus's own parser takes."""
    program = visit("prometheus")

    def scrape():
        families = {family.name: family for family in text_string_to_metric_families(program.get("/metrics").text)}
        assert families["modhttp_requests"].type == "counter"
        return {name: families["chip_" + name].samples[0].value
                for name in ("temperature_celsius", "free_bytes", "loops")}

    first = scrape()
    assert 10 < first["temperature_celsius"] < 50 and first["free_bytes"] > 10000
    deadline = time.monotonic() + program.patience
    while scrape()["loops"] < first["loops"] + 2:
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_ota(visit, start, tmp_path):
    program = visit("ota")
    program.wait_for('"PUT /ota/main.py HTTP/1.1" 204')
    (tmp_path / "again.py").write_text("print('another program')\n")
    put = ["curl", "-s", "-T", "again.py", "-w", "%{http_code}", "--oauth2-bearer"]
    url = f"{program.url}/ota/main.py?reset"
    assert subprocess.check_output([*put, "wrong", url], cwd=tmp_path, text=True).endswith("401")
    assert subprocess.check_output([*put, "change-me", url], cwd=tmp_path, text=True) == "204"
    on_board = program.target == "rp2040"
    assert (program.finish(), "emulator: the program reset the board" in program.console) == (int(on_board), on_board)


def test_every_example_is_shown_and_short():
    programs = {path for section in SECTIONS.values() for path in section.programs}
    assert programs == set(shown.EXAMPLES.rglob("*.py")) - {shown.EXAMPLES / "demo.py"}
    for path in programs:
        text = path.read_text()
        assert text.count("\n") < 60, path
        assert text.startswith("# ") and f"\n#   make run APP={path.relative_to(shown.ROOT)}\n" in text, path


def test_every_section_has_a_picture_and_a_test():
    source = open(__file__).read()
    for name, section in SECTIONS.items():
        picture = shown.PAGE.parent / section.picture
        assert picture.is_file() and picture.stat().st_size < 40_000, picture
        assert name in SHOWN + OLD_SERVERS or f'visit("{name}"' in source or f'SECTIONS["{name}"]' in source, name
