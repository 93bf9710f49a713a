#!/usr/bin/env python3
"""What the request parser costs, beside others: cycles on a Cortex-M0+ and instructions on this machine, both counted.

That is what `make parser` calls. The Cortex-M0+ is the emulator's processor, and the code is compiled as for the
firmware; of a request's four places in a word the dearest counts. Instructions are callgrind's. Two runs give the same.
The peers' sources come from packages that carry them: PEERS. Writes build/parser.json.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools"))

import need  # noqa: E402
import packages  # noqa: E402
from common import Refusal, run_command, say  # noqa: E402

HERE = ROOT / "bench/parser"
BUILD = ROOT / "build/bench/parser"
CORE = sorted((ROOT / "modhttp/core").glob("*.c"))
INCLUDE = f"-I{ROOT / 'modhttp'}"
# As micropython.cmake compiles core/ for the firmware.
BOARD_FLAGS = ["-mcpu=cortex-m0plus", "-mthumb", "-Os", "-DNDEBUG", "-ffunction-sections", "-fdata-sections", "-O2"]
HOST_FLAGS = ["-O2", "-DNDEBUG"]

# Source packages: the name, the version, and where in it the sources and headers are.
PEERS = {
    "picohttpparser": ("gunicorn_h1c", "0.6.9", "src/gunicorn_h1c/picohttpparser", "."),
    "llhttp": ("httptools", "0.9.0", "vendor/llhttp/src", "../include"),
}

BROWSER = (
    "GET / HTTP/1.1",
    "Host: 192.168.7.2",
    "Connection: keep-alive",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate",
    "DNT: 1",
    "Upgrade-Insecure-Requests: 1",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Priority: u=0, i",
    "Cookie: theme=dark",
)
REQUESTS = {
    "curl": b"GET /hello/world HTTP/1.1\r\nHost: 192.168.7.2\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
    "browser": "".join(f"{line}\r\n" for line in (*BROWSER, "")).encode(),
    "post": b"POST /api/led HTTP/1.1\r\nHost: 192.168.7.2\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
    b"Content-Type: application/json\r\nContent-Length: 11\r\n\r\n",
}
PARSERS = {"modhttp": "mh_head_parse", "picohttpparser": "phr_parse_request", "llhttp": "llhttp_execute"}
# What else of core/ a request goes through.
STEPS = ("mh_target_split", "mh_router_find", "mh_answer_head")


# ---- the programs


def compile_with(command, output):
    output.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([str(word) for word in (*command, "-o", output)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise Refusal(f"cannot compile {output.name}: {done.stderr.strip()}")
    return output


def peer_options(peers):
    """Sources and options that bring the peers in; their warnings are their own affair."""
    if not peers:
        return []
    sources = [source for directory, _ in peers.values() for source in sorted(directory.glob("*.c"))]
    return ["-w", "-DPEERS", *(f"-I{include}" for _, include in peers.values()), *sources]


def board_program(directory=BUILD, peers=None):
    """bench/parser/contenders.c, to run at the beginning of the RP2040's RAM."""
    command = ["arm-none-eabi-gcc", "-std=gnu99", *BOARD_FLAGS, INCLUDE, "-nostartfiles", "-Wl,--gc-sections"]
    command += [f"-Wl,-Ttext=0x20000000,-e,run_modhttp,-u,{',-u,'.join(runs(peers))}"]
    return compile_with([*command, HERE / "contenders.c", *CORE, *peer_options(peers)], Path(directory) / "board.elf")


def host_program(directory=BUILD, peers=None):
    command = ["gcc", "-std=gnu99", *HOST_FLAGS, INCLUDE, HERE / "host.c", HERE / "contenders.c", *CORE]
    return compile_with([*command, *peer_options(peers)], Path(directory) / "host")


def runs(peers):
    return ["run_modhttp", "run_request", "run_accept", *(f"run_{name}" for name in peers or ())]


# ---- counting


def call(program, calls):
    """What emulator/call.mjs answers."""
    node = os.environ.get("MODHTTP_NODE") or need.venv_directory() / "bin/node"
    environment = {"MODHTTP_NODE_MODULES": str(need.node_directory() / "node_modules")} | os.environ
    done = subprocess.run([str(node), ROOT / "emulator/emulator.mjs", "call", program], check=False, env=environment,
                          input=json.dumps(calls), capture_output=True, text=True)
    if done.returncode:
        raise Refusal(done.stderr.strip())
    return json.loads(done.stdout)


def cycles(program, run, function, request):
    """Of a function that run() calls once, on the emulated Cortex-M0+, where the request lies so that it takes most."""
    text = request.decode("latin-1")
    answers = call(program, [{"run": run, "count": function, "data": text, "spare": spare} for spare in range(4)])
    if any(answer["result"] != len(request) for answer in answers):
        raise Refusal(f"{run} refuses the request")
    return max(answer["cycles"] for answer in answers)


def instructions(program, run, function, request):
    """Of the same on this machine."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--toggle-collect={function}"]
    bound = os.environ | {"LD_BIND_NOW": "1"}  # or the linker's work at a first call would count
    done = subprocess.run([*command, program, run], check=False, input=request, capture_output=True, env=bound)
    if done.returncode:
        raise Refusal(f"{run} refuses the request, or valgrind fails: {done.stderr.decode().strip()[-200:]}")
    return int(done.stderr.decode().split("Collected :")[1].split()[0])


# ---- the peers


def fetch_peers():
    """{name: (directory of sources, directory of headers)}; empty, and said why, when there is no getting them."""
    try:
        return {name: places(*where) for name, where in PEERS.items()}
    except Refusal as refusal:
        say(f"no peers to compare with: {refusal}")
        return {}


def places(package, version, sources, headers):
    directory = packages.source(package, version)
    return directory / sources, directory / sources / headers


# ---- the table


def measure():
    peers = fetch_peers()
    board, host = board_program(peers=peers), host_program(peers=peers)
    rows = {}
    for name, request in REQUESTS.items():
        counted = [(parser, f"run_{parser}", PARSERS[parser]) for parser in ("modhttp", *peers)]
        counted += [(step, "run_request", step) for step in STEPS]
        for what, run, function in counted:
            rows[f"{name}.{what}"] = {
                "bytes": len(request),
                "cycles": cycles(board, run, function, request),
                "instructions": instructions(host, run, function, request),
            }
    return rows


def table(rows):
    yield f"{'request':8} {'bytes':>5}  {'what':16} {'M0+ cycles':>10} {'per byte':>8} {'x86-64 instructions':>20}"
    last = None
    for key, row in rows.items():
        request, what = key.split(".")
        begins = f"{request:8} {row['bytes']:5}" if request != last else " " * 14
        per_byte = f"{row['cycles'] / row['bytes']:8.2f}" if what in PARSERS else " " * 8
        yield f"{begins}  {what:16} {row['cycles']:10,} {per_byte} {row['instructions']:20,}"
        last = request


def main():
    argparse.ArgumentParser(description=__doc__.split("\n\n")[0]).parse_args()
    need.ensure(["parser"])
    rows = measure()
    (ROOT / "build/parser.json").write_text(json.dumps(rows, indent=2) + "\n")
    return "\n".join(table(rows))


if __name__ == "__main__":
    run_command(main)
