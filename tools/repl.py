#!/usr/bin/env python3
"""The REPL of a board on this terminal, through mpremote: `repl.py [--device /dev/ttyACM0]`."""

import argparse
import os
import sys

import device
from common import Refusal, run_command


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--device", default="", help="the serial port")
    options = parser.parse_args()
    path = device.find(options.device)
    if not sys.stdin.isatty():
        raise Refusal("a REPL needs a terminal: run make repl in one")
    command = device.mpremote_command("connect", path, "repl")
    os.execv(command[0], command)


if __name__ == "__main__":
    run_command(main)
