# ruff: noqa: F821 (the names are those of MicroPython's manifests)
import os

include("$(MPY_DIR)/extmod/asyncio")
freeze("modules")
package("modhttp", base_path="../../python")

# The drop-ins; and modules of CircuitPython's, which programs import by their plain names too.
compat = "../../python/compat"
for name in sorted(os.listdir(compat)):
    if name != "circuitpython":
        freeze(compat, name)
freeze(os.path.join(compat, "circuitpython"))
