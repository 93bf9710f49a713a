"""examples/login.py, as a visitor's browser and a script would use it."""

from pathlib import Path

import httpx

PROGRAM = Path(__file__).resolve().parents[2] / "examples/login.py"


def test_visit(start):
    server = start(PROGRAM)
    with server.client(follow_redirects=True) as client:
        assert "Who are you?" in client.get("/").text
        wrong = client.post("/login", data={"name": "me", "password": "wrong"})
        assert wrong.status_code == 403 and "No. Who are you?" in wrong.text
        answer = client.post("/login", data={"name": "me", "password": "secret"})
        assert "Hello, me" in answer.text and answer.headers["x-frame-options"] == "DENY"
        assert "Hello, me" in client.get("/").text
        evil = client.post("/logout", headers={"Sec-Fetch-Site": "cross-site"})
        assert evil.status_code == 403
        assert "Who are you?" in client.post("/logout").text
        assert "Who are you?" in client.get("/").text
    assert server.get("/api/room").status_code == 401
    with server.client(auth=httpx.BasicAuth("me", "secret")) as client:
        assert client.get("/api/room").json() == {"celsius": 21.5}
