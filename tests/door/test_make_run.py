"""`make run` and its fellows as a user types them."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import build
import target as targets

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def make():
    """make(words...) starts make in a session of its own; whatever it leaves running is ended after the test."""
    started = []

    def start(*words, **options):
        command = ["make", *(str(word) for word in words)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT,
                   "env": build.environment()} | options
        started.append(subprocess.Popen(command, start_new_session=True, **options))
        return started[-1]

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()


def wait_for_url(process):
    for line in process.stdout:
        if line.startswith("modhttp: http://"):
            return line.removeprefix("modhttp: ").strip()
    raise AssertionError(process.stderr.read())


def assert_group_is_gone(process):
    """Soon: the emulator's gateway may end a little after the emulator."""
    with pytest.raises(ProcessLookupError):
        for _ in range(50):
            os.killpg(process.pid, 0)
            time.sleep(0.1)


@pytest.fixture(scope="module", params=["host", "rp2040"])
def built(request):
    targets.prepare(request.param)
    return request.param


def test_make_alone_lists_the_targets(make):
    out, err = make().communicate()
    assert err == ""
    for name in ("run", "emulate", "firmware", "test", "cycles", "clean"):
        assert re.search(rf"^make {name}\b", out, re.MULTILINE)


def test_default_program_is_the_demo(make, built):
    port = targets.free_port()
    process = make("run", f"PORT={port}", f"TARGET={built}")
    assert wait_for_url(process) == f"http://127.0.0.1:{port}"
    url = f"http://localhost:{port}"
    page = httpx.get(url, trust_env=False, timeout=60)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.endswith("</html>\n")
    sensors = httpx.get(f"{url}/sensors.json", trust_env=False, timeout=60).json()["sensors"]
    assert [sensor["name"] for sensor in sensors] == ["chip", "knob", "heap", "timing", "led"]
    status = httpx.get(f"{url}/api/status", trust_env=False, timeout=60).json()
    assert status["requests"] == 3
    assert -20 < status["celsius"] < 85
    assert httpx.put(f"{url}/api/led", json={"on": True}, trust_env=False, timeout=60).json() == {"on": True}
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    assert_group_is_gone(process)


@pytest.mark.parametrize("whom", ["group", "make"])
def test_sigterm_ends_it_with_status_0(make, built, whom):
    process = make("run", "APP=examples/hello.py", f"PORT={targets.free_port()}", f"TARGET={built}")
    wait_for_url(process)
    if whom == "group":
        os.killpg(process.pid, signal.SIGTERM)
    else:
        process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert_group_is_gone(process)


def test_ctrl_c_on_a_terminal_ends_it_with_status_0(built):
    port = targets.free_port()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        words = ["make", "run", "APP=examples/hello.py", f"PORT={port}", f"TARGET={built}"]
        os.execvpe("make", words, build.environment())
    try:
        seen = b""
        while f"modhttp: http://127.0.0.1:{port}\r\n".encode() not in seen:
            seen += os.read(terminal, 4096)
        os.write(terminal, b"\x03")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(terminal)
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    time.sleep(0.1)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port)).close()


def test_warm_start_is_quick(make):
    targets.prepare("host")
    start = time.monotonic()
    process = make("run", "APP=examples/hello.py", f"PORT={targets.free_port()}")
    httpx.get(wait_for_url(process), trust_env=False)
    assert time.monotonic() - start < 3


def test_port_in_use(make, built):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = make("run", "APP=examples/hello.py", f"PORT={port}", f"TARGET={built}")
        out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert f"modhttp: port {port} is in use" in out + err
    assert "Traceback" not in out + err
    assert_group_is_gone(process)


@pytest.mark.parametrize(("words", "message"), [
    (["APP=nowhere.py"], "modhttp: nowhere.py is not a file: APP= names the program to run"),
    (["APP=examples"], "modhttp: examples is not a file: APP= names the program to run"),
    (["APP="], "modhttp: APP is not a file: APP= names the program to run"),
    (["PORT=x"], "modhttp: PORT=x is not a port: it is a number from 1 to 65535"),
    (["PORT=65536"], "modhttp: PORT=65536 is not a port: it is a number from 1 to 65535"),
    (["APP_PORT=0"], "modhttp: APP_PORT=0 is not a port: it is a number from 1 to 65535"),
    (["TARGET=esp32"], "modhttp: TARGET=esp32 is not a target: there are host and rp2040"),
])
def test_mistakes_are_one_clear_line(make, words, message):
    process = make("run", *words)
    out, err = process.communicate(timeout=60)
    lines = [line for line in err.splitlines() if not line.startswith("make: ")]
    assert (lines, out) == ([message], "")
    assert process.returncode == 2


def test_unknown_board_is_one_clear_line(make):
    process = make("firmware", "BOARD=ARDUINO")
    _, err = process.communicate(timeout=60)
    assert err.splitlines()[0].startswith("modhttp: no board is called ARDUINO: there are MODHTTP_PICO")


def test_program_that_raises(make, built, tmp_path):
    app = tmp_path / "broken.py"
    app.write_text("print('about to fail')\nraise ValueError('on purpose')\n")
    process = make("run", f"APP={app}", f"PORT={targets.free_port()}", f"TARGET={built}")
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "about to fail" in out
    assert "Traceback" in err
    assert f'File "{app}", line 2' in err
    assert "ValueError: on purpose" in err


def test_program_that_ends(make, built, tmp_path):
    app = tmp_path / "brief.py"
    app.write_text("print('that was all')\n")
    process = make("run", f"APP={app}", f"PORT={targets.free_port()}", f"TARGET={built}")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.replace("\r", ""), err) == (0, "that was all\n", "")


def test_program_in_its_directory(make, tmp_path):
    """With a space in its path; it imports and reads what lies beside it."""
    place = tmp_path / "my programs"
    place.mkdir()
    (place / "beside.py").write_text("word = 'found'\n")
    (place / "data.txt").write_text("read\n")
    (place / "main.py").write_text("import beside\nprint(beside.word, open('data.txt').read())\n")
    targets.prepare("host")
    process = make("run", f"APP={place / 'main.py'}", f"PORT={targets.free_port()}")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "found read\n\n", "")


def test_other_app_port(make, built, tmp_path):
    app = tmp_path / "program.py"
    app.write_text((ROOT / "examples/hello.py").read_text().replace("port=80", "port=8000"))
    process = make("run", f"APP={app}", f"PORT={targets.free_port()}", "APP_PORT=8000", f"TARGET={built}")
    assert httpx.get(wait_for_url(process) + "/hello/you", trust_env=False, timeout=60).text == "hello you\n"


def test_flash_is_kept_in_a_file(make, tmp_path):
    targets.prepare("rp2040")
    app, flash = tmp_path / "count.py", tmp_path / "flash image.bin"
    app.write_text("try:\n    n = int(open('n').read())\nexcept OSError:\n    n = 0\n"
                   "f = open('n', 'w')\nf.write(str(n + 1))\nf.close()\nprint('run', n)\n")
    for number in range(2):
        process = make("run", f"APP={app}", "TARGET=rp2040", f"PORT={targets.free_port()}", f"FLASH={flash}")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out.replace("\r", ""), err) == (0, f"run {number}\n", "")


def test_needs_nothing_but_git_make_python3_and_root():
    """What the Makefile calls before need.py has installed anything."""
    names = ("build", "run", "romfs", "device", "flash", "deploy", "repl", "need", "common")
    for tool in (f"{name}.py" for name in names):
        source = (ROOT / "tools" / tool).read_text()
        modules = re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE)
        local = {path.stem for path in (ROOT / "tools").glob("*.py")}
        assert set(modules) - local <= set(sys.stdlib_module_names)
