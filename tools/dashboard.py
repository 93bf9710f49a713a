#!/usr/bin/env python3
"""Make rom/dashboard.html.gz, the page that app.dashboard() serves, of what is in dashboard/ and its Node modules.

The result is committed: who builds or runs modhttp needs no Node. Standard library only.
"""

import argparse
import gzip
import os
import re
import subprocess
import tempfile
from pathlib import Path

import need
from common import Refusal, run_command

SOURCE = need.DASHBOARD
PAGE = need.TOOLS.parent / "rom/dashboard.html.gz"
LIMIT = 30_000  # bytes of a board's flash


# Ways to draw a series that the page does not use; Terser then drops their code.
UNUSED = re.compile(r"^\t\(paths\.(?:stepped|bars|spline) += \w+\);\n", re.MULTILINE)


def node(tool, *words, text=None):
    """What one of the Node modules' commands prints."""
    modules = need.node_directory(SOURCE) / "node_modules"
    environment = os.environ | {"NODE_PATH": str(modules), "PATH": f"{need.venv_directory()}/bin:{os.environ['PATH']}"}
    done = subprocess.run([modules / ".bin" / tool, *words], check=False, capture_output=True, text=True, input=text,
                          env=environment)
    if done.returncode:
        raise Refusal(f"{tool}: {done.stderr.strip()}")
    return done.stdout.strip()


def script(library):
    """dashboard.js, with as much of uPlot as it uses."""
    with tempfile.TemporaryDirectory() as directory:
        used, dropped = UNUSED.subn("", (library / "dist/uPlot.esm.js").read_text())
        if dropped != 3:
            raise Refusal("uPlot has changed: see UNUSED in tools/dashboard.py")
        (Path(directory) / "uplot.js").write_text(used)
        bundle = node("esbuild", SOURCE / "dashboard.js", "--bundle", "--format=esm", "--log-level=warning",
                      "--charset=utf8", f"--alias:uplot={directory}/uplot.js")
    options = "passes=3,ecma=2020,unsafe_arrows,unsafe_methods"
    text = node("terser", "--module", "--toplevel", "--compress", options, "--mangle", text=bundle)
    return text.replace("</script", "<\\/script")


def page():
    """The page's text, in one piece."""
    need.ensure(["dashboard"])
    library = need.node_directory(SOURCE) / "node_modules/uplot"
    html = (SOURCE / "dashboard.html").read_text()
    html = re.sub(r"\n +<", "\n<", html)
    html = html.replace("<!doctype html>", f"<!doctype html><!-- uPlot:\n{(library / 'LICENSE').read_text()}-->\n", 1)
    style = node("esbuild", SOURCE / "dashboard.css", "--bundle", "--minify", "--log-level=warning")
    html = html.replace("/*STYLE*/", style)
    return html.replace("/*SCRIPT*/", script(library))


def compressed(text):
    return gzip.compress(text.encode(), 9, mtime=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pictures", action="store_true", help="take those of docs/ anew, of what `make run` shows")
    if parser.parse_args().pictures:
        need.ensure(["pictures"])
        words = [need.venv_directory() / "bin/python", need.TOOLS / "dashboard_pictures.py"]
        return subprocess.run(words, check=True) and None
    data = compressed(page())
    if len(data) >= LIMIT:
        raise Refusal(f"the page takes {len(data):,} bytes, and is to take less than {LIMIT:,}")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_bytes(data)
    return f"{PAGE.relative_to(need.TOOLS.parent)}: {len(data):,} bytes"


if __name__ == "__main__":
    run_command(main)
