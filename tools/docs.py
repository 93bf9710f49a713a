#!/usr/bin/env python3
"""Build the documentation's site into build/site, or serve it while it is written.

mkdocs.yml says what it is made of; any warning, of a link that leads nowhere, say, is an error.
"""

import argparse
import os
import sys
from pathlib import Path

import need
from common import run_command

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--serve", action="store_true", help="serve it at http://127.0.0.1:PORT, and follow changes")
    parser.add_argument("--port", default="8080")
    options = parser.parse_args()
    need.ensure(["docs"])
    python = str(need.venv_directory() / "bin/python")
    words = ["serve", "-a", f"127.0.0.1:{options.port}"] if options.serve else ["build", "-q"]
    os.chdir(ROOT)
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    sys.stdout.flush()
    os.execv(python, [python, "-m", "mkdocs", *words, "--strict"])


if __name__ == "__main__":
    run_command(main)
