#!/usr/bin/env python3
"""Build the documentation's site into build/site, or serve it while it is written.

mkdocs.yml says what it is made of; any warning, of a link that leads nowhere, say, is an error.
"""

import argparse
import os
import re
import subprocess
from pathlib import Path

import need
from common import Refusal, run_command, say

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--serve", action="store_true", help="serve it at http://127.0.0.1:PORT, and follow changes")
    parser.add_argument("--port", default="8080")
    options = parser.parse_args()
    need.ensure(["docs"])
    mkdocs = [str(need.venv_directory() / "bin/python"), "-m", "mkdocs"]
    os.chdir(ROOT)
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    if options.serve:
        os.execv(mkdocs[0], [*mkdocs, "serve", "--strict", "-a", f"127.0.0.1:{options.port}"])
    # Not with --quiet, which has it count no warnings either.
    done = subprocess.run([*mkdocs, "build", "--strict"], check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Refusal("the site is not built:\n" + re.sub(r"^INFO.*\n", "", done.stderr, flags=re.MULTILINE))
    say("build/site/index.html")


if __name__ == "__main__":
    run_command(main)
