# ruff: noqa: F821 (the names are those of MicroPython's manifests)
# What is frozen into every modhttp board: the port's modules (_boot.py mounts littlefs), asyncio, modhttp, and the
# drop-ins; of these compat/circuitpython holds modules of CircuitPython's, which programs import by their plain names.
import os

freeze("$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")

# Manifests run in their own directory.
python = os.path.abspath("../../../../python")
if os.path.isdir(os.path.join(python, "modhttp")):
    package("modhttp", base_path=python)
    compat = os.path.join(python, "compat")
    for name in sorted(os.listdir(compat)):
        if name != "circuitpython":
            freeze(compat, name)
    freeze(os.path.join(compat, "circuitpython"))
