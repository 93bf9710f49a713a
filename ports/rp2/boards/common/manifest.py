# ruff: noqa: F821 (the names are those of MicroPython's manifests)
# What is frozen into every modhttp board: the port's modules (_boot.py mounts littlefs), asyncio, modhttp, and the
# drop-ins; of these compat/circuitpython holds modules of CircuitPython's, which programs import by their plain names.
#
# Files are named one by one, in order: MicroPython takes those of a directory in the file system's order, and firmware
# would differ from one machine to the next.
import os

freeze("$(PORT_DIR)/modules", ("_boot.py", "_boot_fat.py", "rp2.py"))
include("$(MPY_DIR)/extmod/asyncio")

# Manifests run in their own directory.
python = os.path.abspath("../../../../python")


def files(directory):
    """The directory's Python files, those of directories inside it too."""
    found = []
    for place, _, names in os.walk(directory):
        found += [os.path.relpath(os.path.join(place, name), directory) for name in names if name.endswith(".py")]
    return sorted(found)


package("modhttp", files(os.path.join(python, "modhttp")), base_path=python)
compat = os.path.join(python, "compat")
freeze(compat, [name for name in files(compat) if name.split(os.sep)[0] != "circuitpython"])
freeze(os.path.join(compat, "circuitpython"), files(os.path.join(compat, "circuitpython")))
