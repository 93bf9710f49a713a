#!/usr/bin/env python3
"""Run the tests, with what they need installed first: all, or those that pytest's arguments name.

All of them run a file at a time on each processor: most of the time of one is waiting for a program to answer.
"""

import os
import sys
from pathlib import Path

import need
from common import run_command

ALL = ["--numprocesses", "auto", "--dist", "loadfile"]


def main():
    need.ensure(["test"])
    python = str(need.venv_directory() / "bin/python")
    os.chdir(Path(__file__).resolve().parent.parent)
    os.execv(python, [python, "-m", "pytest", *(sys.argv[1:] or ALL)])


if __name__ == "__main__":
    run_command(main)
