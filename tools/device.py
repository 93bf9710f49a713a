"""The board on a serial port of this machine: which one it is, what mpremote does there, how its program starts.

Standard library only: mpremote runs in the environment of tools/requirements.txt.
"""

import fcntl
import getpass
import glob
import grp
import os
import re
import select
import stat
import subprocess
import sys
import termios
import time
import tty

import need
from common import Refusal

# Where Linux has boards' serial ports, for what is said when mpremote sees none.
PLACES = ("/dev/ttyACM*", "/dev/ttyUSB*")

# USB vendor of boards with a Raspberry Pi chip: of several devices, the one that is meant.
RASPBERRY_PI = "2e8a"

PATIENCE = 600  # seconds for mpremote: a full file system is written in less

# What mpremote says, and what a user reads instead.
MEANINGS = (
    (r"failed to access|may be in use|could not exclusively lock",
     "{path} is in use by another program: end the REPL or serial monitor that has it open"),
    (r"could not enter raw repl|timeout waiting|device disconnected|Input/output error|no data \(device disconnected",
     "no MicroPython answers at {path}: plug the board in again and try again, or, with BOOTSEL held, make flash"),
    (r"ROMFS is not enabled|partition not found|No ROMFS partitions|has no attribute 'rom_ioctl'",
     "the firmware of the board at {path} has no room for /rom: make flash gives it modhttp's"),
    (r"No space left|ENOSPC|\[Errno 28\]", "the file system of the board at {path} is full"),
)


class NoBoard(Refusal):
    pass


PROMPT = re.compile(r"\nMicroPython v[^\n]*\n[^\n]*\n>>> $")


def mpremote_command(*words):
    need.ensure(["board"])
    return [str(word) for word in (need.venv_directory() / "bin/python", "-m", "mpremote", *words)]


def mpremote(path, *words, patience=PATIENCE):
    """Have mpremote do something with the board at `path`. Returns what it has printed."""
    command = mpremote_command("connect", path, *words)
    try:
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors="replace", text=True, timeout=patience)
    except subprocess.TimeoutExpired:
        raise Refusal(f"the board at {path} has stopped answering: reset it, then try again") from None
    if done.returncode:
        raise Refusal(meaning(done.stdout, path))
    return done.stdout


def meaning(output, path):
    """The one line for what mpremote has printed before it failed."""
    for pattern, text in MEANINGS:
        if re.search(pattern, output):
            return text.format(path=path)
    lines = output.strip().splitlines() or ["mpremote failed, and said nothing"]
    return f"{path}: {lines[-1].removeprefix('mpremote: ')}"


# ---- which one


def attached():
    """(path, USB vendor) of the USB serial ports that mpremote sees."""
    done = subprocess.run(mpremote_command("connect", "list"), check=False, capture_output=True, text=True)
    found = re.findall(r"^(\S+) .* ([0-9a-f]{4}):[0-9a-f]{4} ", done.stdout, re.MULTILINE)
    return [(path, vendor) for path, vendor in found if vendor != "0000"]


def find(name=""):
    """The serial port that DEVICE= names, or else the one that mpremote finds. It is there, and may be used."""
    path = named(name) if name else detected()
    if not os.access(path, os.R_OK | os.W_OK):
        raise Refusal(no_permission(path))
    return path


def named(name):
    if not os.path.exists(name):
        others = serial_ports()
        raise Refusal(f"DEVICE={name} is not there: " + (f"there is {', '.join(others)}" if others else
                      "no serial port is; plug the board in"))
    if not stat.S_ISCHR(os.stat(name).st_mode):
        raise Refusal(f"DEVICE={name} is not a serial port: it is called /dev/ttyACM0 or alike")
    return name


def detected():
    found = attached()
    paths = [path for path, vendor in found if vendor == RASPBERRY_PI] or [path for path, _ in found]
    if len(paths) > 1:
        raise Refusal(f"there are several boards: DEVICE= names the one that is meant, of {', '.join(paths)}")
    if not paths:
        raise NoBoard("no board found: plug one in that runs MicroPython, or name its serial port, "
                      "DEVICE=/dev/ttyACM0; make flash gives a new one modhttp")
    return paths[0]


def serial_ports():
    return sorted(path for place in PLACES for path in glob.glob(place))


def no_permission(path):
    user, group = getpass.getuser(), os.stat(path).st_gid
    try:
        group = grp.getgrgid(group).gr_name
    except KeyError:
        pass
    return (f"{user} may not use {path}, which belongs to the group {group}: "
            f"sudo usermod -aG {group} {user}, then log in again")


# ---- its program


def restart(path, seconds, show=sys.stdout.write):
    """Start the board's programs again as Ctrl-D at its prompt does, and show what they print.

    Returns "ended" or "raised" as soon as the prompt is back, or "runs" when it is not after so many seconds. A hard
    reset would lose the first words of a program: the USB port goes away with it.
    """
    with Port(path) as port:
        port.write(b"\r\x03\x03\r\x02")                 # whatever runs; and the plain prompt, if it was the raw one
        port.read_until(re.compile(">>> $"), 10)
        port.write(b"\x04")
        if not port.read_until(re.compile("soft reboot\n"), 10):
            raise Refusal(f"the board at {path} does not start again: reset it")
        whole = port.read_until(PROMPT, seconds, show)
    if not whole:
        return "runs"
    return "raised" if "Traceback (most recent call last):" in whole else "ended"


class Port:
    """A serial port, raw. Text is ASCII with LF at the ends of lines."""

    def __init__(self, path):
        self.path = path
        self.rest = ""              # came behind what was waited for
        try:
            self.file = os.open(path, os.O_RDWR | os.O_NOCTTY)
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)    # as mpremote does
            tty.setraw(self.file)
            settings = termios.tcgetattr(self.file)
            settings[4] = settings[5] = termios.B115200  # for a serial adapter; USB does not care
            termios.tcsetattr(self.file, termios.TCSANOW, settings)
        except (OSError, termios.error) as error:
            raise Refusal(f"{path}: {error.args[-1]}") from None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        os.close(self.file)

    def write(self, data):
        os.write(self.file, data)

    def read(self):
        try:
            data = os.read(self.file, 4096)
        except OSError:
            data = b""
        if not data:
            raise Refusal(f"the board at {self.path} is gone: plug it in again")
        return data

    def read_until(self, pattern, seconds, show=lambda text: None):
        """All that comes until the pattern has; "" if it is not in time. `show` gets it as it comes."""
        seen, self.rest = self.rest, ""
        show(seen)
        end = time.monotonic() + seconds
        while not (match := pattern.search(seen)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.file], [], [], left)[0]:
                return ""
            text = self.read().decode("ascii", "replace").replace("\r", "")
            show(text)
            seen += text
        self.rest = seen[match.end():]
        return seen[:match.end()]
