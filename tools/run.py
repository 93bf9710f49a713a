#!/usr/bin/env python3
"""Run a program, the emulated board's REPL or its cycle counter, building what is missing first.

That is what `make run`, `make emulate` and `make cycles` call. A program's port is forwarded to 127.0.0.1, and
`modhttp: http://127.0.0.1:PORT` is printed once it answers. Ctrl-C, or SIGTERM, ends all that was started, with status
0. Standard library only.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import build
import need
import romfs
from common import Refusal, run_command

PR_SET_PDEATHSIG = 1
ENDED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Of the programs of `make bench`, for a look in between.
QUICK = ("floor", "native", "floor_route", "route", "pyloop", "pyparse")
URL_LINE = b"modhttp: http://"


def port_number(name, text):
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise Refusal(f"{name}={text} is not a port: it is a number from 1 to 65535")
    return int(text)


def node_command(*words):
    """Command and environment of the emulator, with the firmware that `make firmware` gives."""
    need.ensure(["emulator"])
    command = [need.venv_directory() / "bin/node", build.ROOT / "emulator/emulator.mjs", *words]
    command += ["--uf2", build.firmware(), "--rom", build.bootrom()]
    return command, {"MODHTTP_NODE_MODULES": str(need.node_directory() / "node_modules")}


def host_command(app, options):
    """Command and environment for this machine."""
    environment = {"MODHTTP_FORWARD": f"{options.port}:{options.app_port}"}
    if options.romfs:
        environment["MODHTTP_ROMFS"] = str(options.romfs)
    return [build.host(), app], environment


def board_command(words, options):
    """Command and environment for the emulated board."""
    command, environment = node_command(*words)
    if options.flash:
        command += ["--flash", Path(options.flash).absolute()]
    if options.romfs:
        command += ["--romfs", options.romfs]
    command += ["--gateway", build.slipgate(), "--port", options.port, "--to", f"192.168.7.2:{options.app_port}"]
    return command, environment


def in_the_child():
    """Ctrl-C is this program's affair, and the child must not outlive it, however it ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def supervise(command, environment, directory, sort_stderr):
    """Run until it ends or a signal ends it. Returns the exit status."""
    asked_to_end = []

    def end(number, frame):
        asked_to_end.append(number)
        if child is not None and child.poll() is None:
            child.terminate()

    child = None
    for number in ENDED_BY:
        signal.signal(number, end)
    child = subprocess.Popen([str(word) for word in command], cwd=directory, env=os.environ | environment,
                             stderr=subprocess.PIPE if sort_stderr else None, preexec_fn=in_the_child)
    if asked_to_end:
        child.terminate()
    if sort_stderr:
        sort_lines(child.stderr)
    status = child.wait()
    if asked_to_end:
        for number in ENDED_BY:     # make may pass on what it got itself, and a Python on its way out would die of it
            signal.signal(number, signal.SIG_IGN)
        return 0
    return status if status >= 0 else 128 - status


def sort_lines(stream):
    """The gateway's standard output is the serial line, so it prints the URL on stderr. It belongs on stdout."""
    for line in stream:
        out = sys.stdout if line.startswith(URL_LINE) else sys.stderr
        out.buffer.write(line)
        out.flush()


def run(options):
    app = Path(options.app)
    if not app.is_file():
        raise Refusal(f"{options.app or 'APP'} is not a file: APP= names the program to run")
    app = app.resolve()
    on_host = options.target == "host"
    command, environment = host_command(app, options) if on_host else board_command(["run", "--app", app], options)
    return supervise(command, environment, app.parent if on_host else None, sort_stderr=not on_host)


def emulate(options):
    words = ["--drive", Path(options.drive).absolute()] if options.drive else []
    become(*board_command(["repl", *words], options))


def cycles():
    become(*node_command("cycles", *(build.ROOT / f"bench/cycles/{name}.py" for name in QUICK)))


def become(command, environment):
    """Take this program's place: the terminal is the emulator's own."""
    command = [str(word) for word in command]
    os.execve(command[0], command, os.environ | environment)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("command", choices=("run", "emulate", "cycles"))
    parser.add_argument("--app", default="", help="the program")
    parser.add_argument("--target", default="host")
    parser.add_argument("--port", default="8080")
    parser.add_argument("--app-port", default="80", help="the port that the program listens on")
    parser.add_argument("--flash", default="", help="keep the emulated board's flash in this file")
    parser.add_argument("--romfs", default="", help="what is at /rom: a directory, or an image of one")
    parser.add_argument("--drive", default="", help="a directory that plays the emulated board's drive in BOOTSEL mode")
    options = parser.parse_args()
    options.port = port_number("PORT", options.port)
    options.app_port = port_number("APP_PORT", options.app_port)
    if options.command == "cycles":
        cycles()
    if not options.romfs and not (options.flash and Path(options.flash).exists()):
        options.romfs = romfs.USUAL     # else it is what that flash has
    if options.romfs:
        options.romfs = romfs.image_of(options.romfs)
    if options.drive and not Path(options.drive).is_dir():
        raise Refusal(f"{options.drive} is not a directory: DRIVE= names one, for the board's BOOTSEL mode")
    if options.command == "emulate":
        emulate(options)
    if options.target not in ("host", "rp2040"):
        raise Refusal(f"TARGET={options.target} is not a target: there are host and rp2040")
    sys.exit(run(options))


if __name__ == "__main__":
    run_command(main)
