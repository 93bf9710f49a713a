"""A captive portal's redirects, on every target, as httpx follows them. (DNS: tests/wire/test_portal.py.)"""

import httpx
import pytest

APP = """
import modhttp
app = modhttp.Server()

@app.get("/")
def index(request):
    return modhttp.html("<h1>Set me up</h1>")

@app.post("/save")
def save(request):
    return "saved " + request.form["name"]

room = app.sensor("/room", celsius=20.5)
portal = app.captive(names=("setup",))
app.run(port=80)
"""


@pytest.fixture(scope="module")
def portal(program):
    return program(APP)


@pytest.fixture
def own(portal):
    """The address that the board has in its own network."""
    return "192.168.7.2" if portal.target == "rp2040" else "127.0.0.1"


def get(portal, path, host):
    with portal.client() as client:
        return client.get(path, headers={"Host": host})


@pytest.mark.parametrize("host", ["connectivitycheck.gstatic.com", "captive.apple.com:80", "10.0.0.1", "setup.example"])
@pytest.mark.parametrize("path", ["/generate_204", "/", "/save", "/any/thing?a=b"])
def test_requests_for_others_are_sent_to_the_page(portal, own, host, path):
    answer = get(portal, path, host)
    if path == "/save":
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")
        return
    assert (answer.status_code, answer.text) == (302, "")
    assert answer.headers["Location"] == f"http://{own}/"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_board_is_served(portal, own):
    for host in (own, f"{own}:80", "setup", "Setup:80", "room.local"):
        answer = get(portal, "/", host)
        assert (answer.status_code, answer.text) == (200, "<h1>Set me up</h1>")
        assert get(portal, "/hotspot-detect.html", host).headers["Location"] == f"http://{own}/"
        assert get(portal, "/absent", host).status_code == 404
        assert get(portal, "/room", host).json() == {"celsius": 20.5}
        answer = httpx.post(portal.url + "/save", data={"name": "attic"}, headers={"Host": host}, trust_env=False,
                            timeout=portal.patience)
        assert answer.text == "saved attic"


def test_a_connection_is_kept_after_a_redirect(portal, own):
    with portal.wire() as wire:
        for _ in range(3):
            wire.send(b"GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\n\r\n")
            assert wire.answer().status == 302
            wire.send(f"GET / HTTP/1.1\r\nHost: {own}\r\n\r\n".encode())
            assert wire.answer().body == b"<h1>Set me up</h1>"
