"""Programs that more than one module of tests/http talks to."""

import time
from pathlib import Path

APP = Path(__file__).parent / "app.py"


def app_with(settings):
    """The text of app.py, with its Server made by another call."""
    text = APP.read_text()
    assert text.count("modhttp.Server()") == 1
    return text.replace("modhttp.Server()", f"modhttp.{settings}")


def wait_until_alone(server):
    """Until only the connection that asks is there; those of earlier tests have ended then. Returns /state."""
    deadline = time.monotonic() + server.patience
    while True:
        answer = server.get("/state")
        if answer.status_code == 200 and answer.json()["stats"]["open"] == 1:
            return answer.json()
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
