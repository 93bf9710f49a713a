#!/usr/bin/env python3
"""Build a product, if its sources have changed: `build.py host`, `slipgate`, `bootrom`, `firmware [BOARD]`,
`fuzzer NAME`.

Installs the tools and fetches the sources first where they are missing. Prints the product's path; a build's own
output is shown only when it fails, and then its end. Standard library only.
"""

import argparse
import glob
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import need
from common import Refusal, locked, run_command, say

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"

LINES_OF_FAILURE = 30

# What firmware is made of, beside MicroPython.
FIRMWARE_INPUTS = ["modhttp", "ports", "python", "tools/build_firmware.sh"]

# What `make run PORT=9000 BOARD=...` hands down, and what the makes and cmakes of a build must not take as theirs.
NOT_FOR_BUILDS = {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MAKEFILES",
                  "APP", "PORT", "TARGET", "APP_PORT", "FLASH", "ROMFS", "DIR", "BOARD",
                  "DEVICE", "DEPLOY", "DRIVE", "UF2", "FILES", "BOARDS", "NAMES", "SERVE",
                  "HARNESS", "SECONDS", "RUNS", "MINUTES", "PROGRAMS"}


def environment():
    """This process's environment, as if no make had started it."""
    return {name: value for name, value in os.environ.items() if name not in NOT_FOR_BUILDS}


def source_tree(only, board=None):
    """MicroPython's, made ready if need be."""
    done = subprocess.run([sys.executable, ROOT / "micropython/fetch.py", "--only", only,
                           *(["--board", board] if board else [])], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)  # it has said why
    return done.stdout.strip()


def fingerprint(command, inputs):
    """Changes when the command or an input file does: a thousandth of the time that make and ninja take to see it."""
    digest = hashlib.sha256(repr(command).encode())
    for name in inputs:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                status = file.stat()
                digest.update(f"\0{file}\0{status.st_mtime_ns}\0{status.st_size}".encode())
    return digest.hexdigest()


def build(product, what, inputs, command):
    """Run `command` unless `product` is there and neither it nor `inputs` (paths in the repository) have changed."""
    command = [str(word) for word in command]
    stamp = BUILD / "stamps" / "-".join(product.relative_to(BUILD).parts)
    if is_current(product, stamp, fingerprint(command, inputs)):
        return product
    with locked(stamp.with_suffix(".lock"), f"waiting for another run that is building {what}"):
        now = fingerprint(command, inputs)
        if is_current(product, stamp, now):
            return product
        say(f"building {what}")
        product.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(command, check=False, cwd=ROOT, env=environment(), errors="replace", text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            log = stamp.with_suffix(".log")
            log.write_text(done.stdout)
            sys.stderr.writelines(done.stdout.splitlines(keepends=True)[-LINES_OF_FAILURE:])
            raise Refusal(f"building {what} failed: see above, and {log.relative_to(ROOT)} for all of it")
        stamp.write_text(now)
    return product


def is_current(product, stamp, now):
    return product.exists() and stamp.exists() and stamp.read_text() == now


def host(*settings, directory="host"):
    """MicroPython for this machine with modhttp in it, and slipgate beside it. `settings`: build_host.sh's."""
    need.ensure(["host"])
    return build(BUILD / directory / "modhttp", "the program for this machine (a minute or two, the first time)",
                 ["modhttp", "micropython/unix", "python", "tools/build_host.sh"],
                 ["sh", "tools/build_host.sh", source_tree("host"), *settings, f"BUILD={BUILD / directory}"])


def slipgate():
    """The other end of the emulated board's serial line."""
    need.ensure(["host"])
    product = BUILD / "host/slipgate"
    return build(product, "slipgate", ["modhttp/port"],
                 ["make", "-s", "-C", "modhttp/port/unix", "-f", "slipgate.mk", f"-j{os.cpu_count()}",
                  f"MPDIR={source_tree('host')}", f"OBJ={BUILD / 'host/obj/slipgate'}", f"OUT={product}"])


def bootrom():
    """The emulated RP2040's boot ROM."""
    need.ensure(["emulator"])
    return build(BUILD / "emulator/bootrom.bin", "the emulator's boot ROM", ["emulator/bootrom"],
                 ["make", "-s", "-C", "emulator/bootrom", f"OUT={BUILD / 'emulator'}"])


def boards():
    """Their names, those with a variant as BOARD-VARIANT."""
    names = []
    for directory in sorted(path.parent for path in ROOT.glob("ports/rp2/boards/*/mpconfigboard.h")):
        variants = sorted(file.stem.partition("_")[2] for file in directory.glob("mpconfigvariant_*.cmake"))
        names += [directory.name, *(f"{directory.name}-{variant}" for variant in variants)]
    return names


def firmware(board="MODHTTP_PICO"):
    """A board's UF2; the ELF file is beside it."""
    if board not in boards():
        raise Refusal(f"no board is called {board or '(empty)'}: there are {', '.join(boards())}")
    tree = source_tree("firmware", board.partition("-")[0])
    need.ensure(["firmware"])
    return build(BUILD / f"firmware/{board}.uf2", f"the firmware of {board} (minutes, the first time)",
                 FIRMWARE_INPUTS, ["sh", "tools/build_firmware.sh", tree, board])


FUZZER_FLAGS = ["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-fsanitize=fuzzer,address,undefined",
                "-fno-sanitize-recover=all", "-Imodhttp", "-Ifuzz"]


def fuzzer_words(name):
    """What fuzz/NAME/sources.txt adds to a harness: flags, and files, which may be patterns. See fuzz/README.md."""
    listing = ROOT / "fuzz" / name / "sources.txt"
    words = []
    for line in listing.read_text().splitlines() if listing.is_file() else []:
        for word in line.partition("#")[0].split():
            if "{micropython}" in word:
                word = word.replace("{micropython}", source_tree("host"))
            if word.startswith("-"):
                words.append(word)
            else:
                found = sorted(glob.glob(word, root_dir=ROOT))
                if not found:
                    raise Refusal(f"fuzz/{name}/sources.txt: there is no {word}")
                words += found
    return words


def fuzzer(name):
    """A fuzz harness: fuzz/NAME.c, with the core, fuzz/NAME/*.c and what fuzz/NAME/sources.txt names."""
    source = f"fuzz/{name}.c"
    if not (ROOT / source).is_file():
        names = sorted(path.stem for path in ROOT.glob("fuzz/*.c"))
        raise Refusal(f"no fuzz harness is called {name or '(empty)'}: there are {', '.join(names)}")
    need.ensure(["fuzz"])
    product = BUILD / f"fuzz/{name}/harness"
    own = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(f"fuzz/{name}/*.c"))
    core = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("modhttp/core/*.c"))
    own_directory = [f"fuzz/{name}"] if (ROOT / "fuzz" / name).is_dir() else []
    return build(product, f"the fuzz harness {name}", [source, "fuzz/fuzz.h", *own_directory, "modhttp"],
                 ["clang", *FUZZER_FLAGS, source, *own, *core, *fuzzer_words(name), "-o", product])


def main():
    products = {"host": host, "slipgate": slipgate, "bootrom": bootrom, "firmware": firmware, "fuzzer": fuzzer}
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("product", choices=products)
    parser.add_argument("setting", nargs="*",
                        help="firmware: the board; host: settings of build_host.sh; fuzzer: the harness")
    options = parser.parse_args()
    product = products[options.product](*options.setting)
    if options.product == "firmware":
        import budget

        for line in budget.lines(product.stem, budget.of(product.stem, product.with_suffix(".elf"))):
            say(line)
    return product


if __name__ == "__main__":
    run_command(main)
