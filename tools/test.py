#!/usr/bin/env python3
"""Run the tests, all or those that pytest's arguments name, with what they need installed first."""

import os
import sys
from pathlib import Path

import need
from common import run_command


def main():
    need.ensure(["test"])
    python = str(need.venv_directory() / "bin/python")
    os.chdir(Path(__file__).resolve().parent.parent)
    os.execv(python, [python, "-m", "pytest", *sys.argv[1:]])


if __name__ == "__main__":
    run_command(main)
