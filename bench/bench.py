#!/usr/bin/env python3
"""What requests cost, ours and others', on the same firmware: `make bench` calls this.

All that is counted on the emulated board (bench/counted.py), what the parser costs (bench/parser.py), and rates on this
machine (bench/rates.py), in build/bench.json, in tables, and in docs/benchmarks.md. With names of programs of
bench/cycles, only these are counted, and the files are left alone.
"""

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))

import need  # noqa: E402
from common import run_command, say  # noqa: E402


def in_the_venv():
    """Start over with the Python that has what the bench needs."""
    need.ensure(["bench"])
    python = need.venv_directory() / "bin/python"
    if Path(sys.prefix) != need.venv_directory():
        os.execv(python, [str(python), os.path.abspath(__file__), *sys.argv[1:]])


def core_figures():
    import parser

    rows, units = parser.measure(), ("cycles", "instructions")
    for request in parser.REQUESTS:
        ours = [rows[f"{request}.{what}"] for what in ("modhttp", *parser.STEPS)]
        rows[f"{request}.all"] = {unit: sum(row[unit] for row in ours) for unit in units}
    return {f"core.{key}.{unit}": row[unit] for key, row in rows.items() for unit in units}


def rate_figures(seconds):
    import build
    import counted
    import rates

    say("measuring rates on this machine")
    host, prompt = build.host(), build.host("PROMPT_SOCKETS=1", directory="host-prompt")
    jobs = {}
    for file in counted.programs():
        path = counted.directives(file).get("path", "/")
        jobs[file.stem] = rates.Job(file, counted.files_beside(file), path, (), str(host))
    # As others do, who close each connection; and as they would do without the stall of sockets (port/modlwip_guard.c).
    jobs["route_close"] = jobs["route"]._replace(fields=(rates.CLOSE,))
    jobs["microdot_patched"] = jobs["microdot"]._replace(binary=str(prompt))
    try:
        return {f"host.{key}": value for key, value in rates.measure(jobs, seconds).items()}
    except RuntimeError as error:  # no root, no TAP
        say(f"no rates: {error}")
        return {}


def show(figures, tables):
    import page

    for name in tables:
        rows = list(page.TABLES[name](figures))
        if len(rows) > 1:
            print(f"{page.plain(rows)}\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("programs", nargs="*", help="of bench/cycles; all if none is named")
    parser.add_argument("--seconds", type=int, default=3, help="of each run of wrk; 0: no rates")
    options = parser.parse_args()
    in_the_venv()
    import counted
    import page

    say("counting on the emulated board")
    figures = counted.measure(options.programs)
    show(figures, ["cycles", "update"])
    if options.programs:
        return None
    figures |= core_figures()
    show(figures, ["memory", "sweeps", "core", "promises"])
    if options.seconds:
        figures |= rate_figures(options.seconds)
        show(figures, ["rates"])
    file = counted.build.BUILD / "bench.json"
    file.write_text(json.dumps(figures, indent=2) + "\n")
    page.write(figures)
    return f"{file} and {page.PAGE} are written"


if __name__ == "__main__":
    run_command(main)
