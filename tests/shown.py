"""What docs/examples.md shows of each example: its programs, its picture, what a user types and what comes back."""

import json
import re
import subprocess
from collections import namedtuple

from target import ROOT

EXAMPLES = ROOT / "examples"
PAGE = ROOT / "docs/examples.md"

# Examples that write files, and so are to run in a directory of their own. Others have /rom, as with `make run`.
WRITING = ("files", "rest_store", "captive", "ota")

Section = namedtuple("Section", "title programs picture commands")


def sections():
    """{name: Section}, by the name that a section's picture has. A command is (what is typed, what comes back)."""
    found = {}
    for text in re.split(r"^##+ ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        picture = re.search(r"^!\[.+\]\((pictures/(\w+)\.png)\)$", text, re.MULTILINE)
        if picture:
            programs = [ROOT / name for name in re.findall(r"\]\(\.\./(examples/[\w/]+\.py)\)", text)]
            shown = "".join(re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
            commands = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", shown, re.MULTILINE)
            found[picture[2]] = Section(text.split("\n")[0], programs, picture[1], commands)
    return found


def files_of(name):
    """What targets.Program() is to have as an example's files."""
    return {} if name in WRITING else None


def type_in(command, port, directory):
    """What a command of the page writes, which is typed with the server at another port."""
    words = ["bash", "-c", command.replace("localhost:8080", f"localhost:{port}")]
    done = subprocess.run(words, cwd=directory, capture_output=True, text=True, timeout=200)
    return done.stdout.replace(f"localhost:{port}", "localhost:8080")


def is_as_shown(got, shown):
    """Whether it is what the page shows. Its … stands for anything within a line; JSON's members have no order."""
    got, shown = got.rstrip("\n"), shown.rstrip("\n")
    try:
        return _is_alike(json.loads(got), json.loads(shown.replace("…", '"…"')))
    except ValueError:
        return re.fullmatch(".*".join(re.escape(piece) for piece in shown.split("…")), got) is not None


def _is_alike(got, shown):
    if isinstance(shown, dict) and isinstance(got, dict):
        return got.keys() == shown.keys() and all(_is_alike(got[name], shown[name]) for name in shown)
    return shown in (got, "…")
