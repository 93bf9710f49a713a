"""What ab and h2load find, and what they leave behind: nothing."""

import re
import subprocess

import pytest

REQUESTS, CLIENTS = 1000, 16


def settle(server):
    """The state when only this request's connection is there."""
    for _ in range(50):
        state = server.get("/state").json()
        if state["stats"]["open"] == 1:
            break
    return state


def ab(*options):
    return ["ab", "-q", "-n", REQUESTS, "-c", CLIENTS, "-s", 120, *options]


COMMANDS = {
    "ab": ab(),
    "ab-k": ab("-k"),
    "h2load": ["h2load", "--h1", "-n", REQUESTS, "-c", CLIENTS],
}


def failures(tool, report):
    """What the tool's report counts as failed; all requests if it did not get so far."""
    if tool == "h2load":
        counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", report)
        statuses = re.search(r"(\d+) 2xx", report)
        return REQUESTS - int(counts[1]) + int(counts[2]) + int(counts[3]) + REQUESTS - int(statuses[1])
    complete = re.search(r"Complete requests: +(\d+)", report)
    failed = re.search(r"Failed requests: +(\d+)", report)
    other = re.search(r"Non-2xx responses: +(\d+)", report)
    if not (complete and failed):
        return REQUESTS
    return REQUESTS - int(complete[1]) + int(failed[1]) + (int(other[1]) if other else 0)


@pytest.mark.parametrize("tool", COMMANDS)
def test_no_request_fails_and_nothing_is_left(server, tool):
    command = [str(word) for word in COMMANDS[tool]]
    warm = list(command)
    warm[warm.index(str(REQUESTS))] = str(CLIENTS * 2)
    subprocess.run([*warm, f"{server.url}/"], check=True, capture_output=True)
    before = settle(server)
    done = subprocess.run([*command, f"{server.url}/"], check=False, capture_output=True, text=True, timeout=280)
    after = settle(server)
    assert failures(tool, done.stdout) == 0, done.stdout + done.stderr
    assert after["pcbs"][:2] == before["pcbs"][:2]
    assert after["stats"]["open"] == before["stats"]["open"]
    assert after["stats"]["head_buffers_free"] == before["stats"]["head_buffers_free"]
    assert after["stats"]["refused"] == before["stats"]["refused"]
    assert before["free"] - after["free"] < 256, "what the heap lost, in bytes"
