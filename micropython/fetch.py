#!/usr/bin/env python3
"""Print the path of a MicroPython source tree that is ready to build, and make it ready first if need be.

The parts are pinned in sources.json. They come from Debian packages, through the mirror that this machine's
apt already uses, and are put together under $MODHTTP_CACHE (default ~/.cache/modhttp). Nothing is patched, and
nothing of the machine's apt set-up is changed. MICROPYTHON_DIR names an upstream checkout to use instead.

Standard library only; stdout carries the path and nothing else.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))

from common import Refusal, cache_directory, locked, run_command, say

PINS = Path(__file__).resolve().parent / "sources.json"
INSTEAD = "set MICROPYTHON_DIR to a MicroPython {} checkout with its submodules"

# Which board (ports/rp2/boards) needs what no Debian package has: name, directory, and what shows that it is there.
DRIVERS = {
    "MODHTTP_PICO_W": {"name": "the Wi-Fi driver", "into": "lib/cyw43-driver", "proof": "src/cyw43.h"},
    "MODHTTP_W5500_EVB_PICO": {"name": "the W5500's driver", "into": "lib/wiznet5k", "proof": "README.md"},
}


class Pins:
    """sources.json, and what it means."""

    def __init__(self, file, group, board=None):
        import hashlib

        text = Path(file).read_bytes()
        pins = json.loads(text)
        self.file = f"{Path(file).parent.name}/{Path(file).name}"
        self.version = pins["micropython"]
        self.suite = pins["suite"]
        self.parts = [part for part in pins["parts"] if group in part["for"]]
        self.tree = f"micropython-{self.version}-{hashlib.sha256(text).hexdigest()[:10]}"
        self.instead = INSTEAD.format(self.version)
        self.driver = DRIVERS.get(board)

    def missing(self, tree):
        """The parts that `tree` lacks. Without MicroPython itself there is no tree: then it is all of them."""
        lacking = [part for part in self.parts if not (tree / part["into"] / part["proof"]).is_file()]
        return self.parts if self.parts[0] in lacking else lacking


def users_tree(directory, pins):
    """Check the checkout that MICROPYTHON_DIR names."""
    tree = Path(directory).expanduser().absolute()
    name = f"MICROPYTHON_DIR={directory}"
    series = pins.version.rpartition(".")[0]
    try:
        text = (tree / pins.parts[0]["proof"]).read_text(errors="replace")
    except OSError:
        raise Refusal(f"{name} is not a MicroPython checkout: py/mpconfig.h is not there") from None
    version = ".".join(re.findall(r"#define\s+MICROPY_VERSION_(?:MAJOR|MINOR|MICRO)\s+(\d+)", text))
    if not version.startswith(series + "."):
        raise Refusal(f"{name} is MicroPython {version or 'of unknown version'}, needed is {series}.x: "
                      f"check out v{pins.version} there")
    paths = [part["into"] for part in pins.missing(tree)]
    if pins.driver and not (tree / pins.driver["into"] / pins.driver["proof"]).is_file():
        paths.append(pins.driver["into"])
    if not (tree / "lib/micropython-lib/README.md").is_file():
        paths.append("lib/micropython-lib")
    if paths:
        raise Refusal(f"{name} lacks {', '.join(paths)}: run 'git submodule update --init {' '.join(paths)}' there")
    return tree


def matches(file, part):
    import hashlib

    with open(file, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest() == part["sha256"]


def download(parts, pins, downloads, scratch):
    """Return {name: archive} for `parts`: from earlier downloads where they are whole, else from the mirror."""
    from private_apt import AptError, Gone, PrivateApt, machine_mirror

    kept = {part["name"]: downloads / part["file"] for part in parts}
    have = {part["name"]: kept[part["name"]] for part in parts
            if kept[part["name"]].is_file() and matches(kept[part["name"]], part)}
    wanted = [part for part in parts if part["name"] not in have]
    if not wanted:
        return have

    names = ", ".join(f"{part['name']} {part['version']}" for part in wanted)
    say(f"fetching {names} from Debian {pins.suite}")
    part = wanted[0]
    try:
        types = {"source": "deb-src", "binary": "deb"}
        apt = PrivateApt(scratch / "apt", machine_mirror(), pins.suite, {types[part["kind"]] for part in wanted})
        apt.update()
        for part in wanted:
            fetch = apt.fetch_tarball if part["kind"] == "source" else apt.fetch_deb
            archive = fetch(part["package"], part["file"])
            if archive.name != part["file"]:
                say(f"note: {archive.name} is taken for {part['file']}: same upstream version, checked by apt")
                have[part["name"]] = archive
            elif matches(archive, part):
                have[part["name"]] = archive.rename(kept[part["name"]])
            else:
                raise Refusal(f"{part['file']} has not the SHA-256 that {pins.file} pins, so it is not used: "
                              f"try again, or {pins.instead}")
    except AptError as error:
        hint = "" if isinstance(error, Gone) else "check the network and the mirror, or "
        raise Refusal(f"cannot fetch {part['file']}: {error}; {hint}{pins.instead}") from None
    return have


def unpack(archive, into):
    import subprocess
    import tarfile

    if archive.suffix == ".deb":
        done = subprocess.run(["dpkg-deb", "-x", str(archive), str(into)], check=False, capture_output=True, text=True)
        if done.returncode:
            raise Refusal(f"cannot unpack {archive.name}: {done.stderr.strip()}")
        return
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.2 lacks it; a pinned archive is trusted either way
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(into)


def install(part, archive, tree, scratch):
    """Unpack beside the tree and move in with one rename: a tree never holds half a part."""
    fresh = scratch / part["name"]
    fresh.mkdir()
    unpack(archive, fresh)
    root = fresh / part["root"]
    if not (root / part["proof"]).is_file():
        raise Refusal(f"{archive.name} lacks {part['root']}/{part['proof']}: micropython/sources.json does not fit it")
    target = tree / part["into"]
    if part["into"] == ".":
        # The build insists on this submodule's presence, though the manifests take nothing from it.
        library = root / "lib/micropython-lib"
        library.mkdir(parents=True, exist_ok=True)
        (library / "README.md").touch()
    if target.exists():
        target.rename(scratch / f"{part['name']}-old")
    root.rename(target)


def assembled_tree(pins):
    """Return the tree under the cache, with the parts it lacks filled in."""
    import shutil
    import tempfile

    cache = cache_directory()
    sources, downloads = cache / "src", cache / "downloads"
    tree = sources / pins.tree
    if not pins.missing(tree):
        return tree
    downloads.mkdir(parents=True, exist_ok=True)
    with locked(sources / ".lock", "waiting for another run that is fetching the sources"):
        for left in sources.glob(".new-*"):  # from a run that was killed: the lock says that it is gone
            shutil.rmtree(left, ignore_errors=True)
        parts = pins.missing(tree)
        if not parts:
            return tree
        with tempfile.TemporaryDirectory(dir=sources, prefix=".new-", ignore_cleanup_errors=True) as scratch:
            archives = download(parts, pins, downloads, Path(scratch))
            say(f"unpacking into {tree}")
            for part in parts:
                install(part, archives[part["name"]], tree, Path(scratch))
    return tree


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", choices=("host", "firmware"), default="firmware",
                        help="what the tree is to build: the host needs far less (default: firmware, all parts)")
    parser.add_argument("--board", help="the board that it is for: some need an upstream checkout")
    parser.add_argument("--mirror", action="store_true", help="print the Debian mirror that this machine uses, and end")
    options = parser.parse_args()
    if options.mirror:
        from private_apt import AptError, machine_mirror

        try:
            return machine_mirror().uri
        except AptError as error:
            raise Refusal(error) from None
    pins = Pins(PINS, options.only, options.board)
    directory = os.environ.get("MICROPYTHON_DIR")
    if pins.driver and not directory:
        raise Refusal(f"{options.board} needs {pins.driver['name']} ({pins.driver['into']}), which Debian does not "
                      f"have: {pins.instead}")
    return users_tree(directory, pins) if directory else assembled_tree(pins)


if __name__ == "__main__":
    run_command(main)
