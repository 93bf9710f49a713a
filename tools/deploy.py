#!/usr/bin/env python3
"""Put a program on a board as its main.py, with the files it needs, and start it: `deploy.py APP [FILE...]`.

A file, or a directory with all that is in it, goes to the place that it has beside the program; one that is not beside
it goes to the board's root. Standard library only.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import device
from common import Refusal, run_command, say

SECONDS = 5  # that a program is watched for


def place(name, beside):
    """Where on the board a file goes."""
    path = Path(name).resolve()
    return path.relative_to(beside) if path.is_relative_to(beside) and path != beside else Path(path.name)


def stage(app, names, into):
    """Lay out what the board's root is to hold. Returns its paths."""
    beside = app.resolve().parent
    shutil.copyfile(app, into / "main.py")
    for name in names:
        path, to = Path(name), into / place(name, beside)
        if not path.exists():
            raise Refusal(f"{name} is not there: FILES= names files and directories that the program needs")
        if to == into / "main.py":
            raise Refusal(f"{name} would be main.py on the board, as the program is")
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copyfile(path, to)
    return sorted(path.relative_to(into) for path in into.rglob("*") if path.is_file())


def copy(staged, path):
    """The program comes last: until then the board has the old one."""
    first = sorted(entry for entry in staged.iterdir() if entry.name != "main.py")
    words = ["fs", "cp", "-r", *first, ":", "+"] if first else []
    device.mpremote(path, *words, "fs", "cp", staged / "main.py", ":main.py")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("app")
    parser.add_argument("file", nargs="*")
    parser.add_argument("--device", default="", help="the serial port")
    parser.add_argument("--seconds", type=float, help="how long the program is watched for")
    options = parser.parse_args()
    app = Path(options.app)
    if not app.is_file():
        raise Refusal(f"{options.app or 'APP'} is not a file: APP= names the program to deploy")
    with tempfile.TemporaryDirectory() as staged:
        names = stage(app, options.file, Path(staged))
        path = device.find(options.device)
        say(f"copying {app} as main.py" + "".join(f", {name}" for name in names if name != Path("main.py"))
            + f" to the board at {path}")
        copy(Path(staged), path)
    say("the board starts it; it prints:")
    state = device.restart(path, options.seconds or SECONDS)
    if state == "raised":
        raise Refusal("main.py raised an exception, see above: mend it and deploy it again")
    say("main.py runs; make repl shows what else it prints" if state == "runs" else
        "main.py has ended; what it started in the background goes on")


if __name__ == "__main__":
    run_command(main)
