"""A real Prometheus scrapes /metrics."""

import subprocess
import time

import httpx
import pytest
from natives import PROGRAM, update

import target as targets

CONFIGURATION = """
scrape_configs:
  - job_name: board
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


@pytest.fixture
def prometheus(tmp_path):
    """prometheus(server): the address of one that scrapes it."""
    running = []

    def start(server):
        port = targets.free_port()
        configuration = tmp_path / "prometheus.yml"
        configuration.write_text(CONFIGURATION.format(port=server.port))
        with (tmp_path / "log").open("w") as log:
            running.append(subprocess.Popen(
                ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={tmp_path / 'data'}",
                 f"--web.listen-address=127.0.0.1:{port}"], cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT))
        return f"http://127.0.0.1:{port}/api/v1"

    yield start
    for process in running:
        process.terminate()
        process.wait(20)


def test_prometheus_scrapes(program, prometheus):
    server = program(PROGRAM)
    update(server, celsius=-3.25, door=True)
    api = prometheus(server)

    def ask(what, **parameters):
        try:
            return httpx.get(f"{api}/{what}", params=parameters, trust_env=False).json()["data"]
        except (httpx.TransportError, ValueError):
            return None     # it is starting

    def wait_for(query, value):
        deadline = time.monotonic() + 2 * server.patience
        while not (found := ask("query", query=query)) or [row["value"][1] for row in found["result"]] != [value]:
            assert time.monotonic() < deadline, (found, ask("targets"))
            time.sleep(0.3)

    wait_for("room_celsius", "-3.25")
    wait_for("room_door", "1")
    wait_for("up", "1")
    update(server, celsius=18.5)
    update(server, "volts", volts=1200)
    wait_for("room_celsius", "18.5")
    wait_for("volts_volts", "1.2")
    wait_for("sum(modhttp_requests_total) > bool 3", "1")
    assert ask("metadata", metric="volts_volts") == {"volts_volts": [{"type": "gauge", "help": "Supply", "unit": ""}]}
    [target] = ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
