"""What is counted on the emulated board: cycles and memory of each program, and the lines that costs follow.

Nothing here knows a clock: with the same firmware, two runs give the same figures.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools"))
sys.path.append(str(ROOT / "tests"))

import board_flash  # noqa: E402
import build  # noqa: E402
import emulated  # noqa: E402
import fit  # noqa: E402
import packages  # noqa: E402
import romfs  # noqa: E402
import run  # noqa: E402
from common import Refusal  # noqa: E402

PROGRAMS = ROOT / "bench/cycles"

# What programs import that neither the firmware nor modhttp has: by the name that a program gives after package=, the
# source package (the newest there is), and where in it the module is. It is put on the board as it comes.
PACKAGES = {
    "microdot": ("microdot", "2.7.0", "src/microdot"),
    "adafruit_httpserver": ("adafruit-circuitpython-httpserver", "4.8.2", "adafruit_httpserver"),
}

# What programs find in memory-mapped flash, if they name it after rom=.
ROM = {"index.html": b"hello", "file": bytes(range(256)) * 64}

# Of programs that name none after floor=.
FLOOR = "floor_route"

ROUTE = (PROGRAMS / "route.py").read_text()

ANY_LENGTH = """# cycles: path=/
import modhttp

app = modhttp.Server()
BODY = (bytes(range(256)) * 64)[:{n}]


@app.get("/<int:n>")
def body(request, n):
    return BODY


app.run(port=80)
"""

MANY_ROUTES = """# cycles: path=/{n}
import modhttp

app = modhttp.Server()


def hello(request):
    return "hello"


for i in range({n}):
    app.get("/%d" % (i + 1))(hello)
app.run(port=80)
"""

# Bytes that grow by two segments, full but for a few bytes: lwIP acknowledges segments in pairs, so that in between
# costs grow in steps.
LENGTHS = (1456, 3056, 4656, 6256, 7856)

# By name: what is varied, the numbers, what requests.mjs calls a request with such a number (None: curl's), and the
# program, whose text may depend on them.
SWEEPS = {
    "body_in": ("bytes of request body", LENGTHS, "post", ROUTE),
    "body_out": ("bytes of answer", LENGTHS, "get", ANY_LENGTH),
    "fields": ("more header fields", (0, 4, 8, 16, 24), "fields", ROUTE),
    "pipeline": ("requests at once", (1, 2, 4, 8), "pipeline", ROUTE),
    "idle": ("idle connections", (0, 4, 12), "idle", ROUTE),
    "routes": ("routes", (10, 100, 1000), None, MANY_ROUTES),
}


# ---- programs


def programs(names=()):
    """Their files, the floors first. Raises Refusal for a name that there is none of."""
    found = sorted(PROGRAMS.glob("*.py"), key=lambda file: (not file.stem.startswith("floor"), file))
    files = {file.stem: file for file in found}
    unknown = [name for name in names if name not in files]
    if unknown:
        raise Refusal(f"no program of the bench is called {unknown[0]}: there are {', '.join(files)}")
    return [file for name, file in files.items() if not names or name in names]


def directives(file):
    """What a program says of itself in its line that begins with "# cycles:"."""
    line = re.search(r"^# cycles:(.*)$", file.read_text(), re.MULTILINE)
    return dict(word.split("=", 1) for word in line[1].split())


def package_files(file):
    """{name: bytes} of the package that a program names."""
    name = directives(file).get("package")
    if name is None:
        return {}
    package, version, place = PACKAGES[name]
    sources = packages.source(package, version) / place
    return {f"{name}/{source.name}": source.read_bytes() for source in sorted(sources.glob("*.py"))}


def rom_image(file, directory):
    """The ROMFS image that a program needs, made in a directory; None for none."""
    names = directives(file).get("rom")
    if names is None:
        return None
    staged, image = Path(directory) / "rom", Path(directory) / "rom.img"
    staged.mkdir()
    for name in names.split(","):
        (staged / name).write_bytes(ROM[name])
    romfs.write_image(staged, image)
    return image


def files_beside(file):
    """{name: bytes} of what a program finds beside it on this machine; of them rates.ROM is mounted."""
    with tempfile.TemporaryDirectory() as directory:
        image = rom_image(file, directory)
        return package_files(file) | ({image.name: image.read_bytes()} if image else {})


def floor_of(name):
    """The floor that a program is held against, as emulator/cycles.mjs has it: it sends the same bytes, or nearly."""
    file = PROGRAMS / f"{name}.py"
    if name.startswith("floor"):
        return name
    return directives(file).get("floor", FLOOR) if file.exists() else FLOOR     # else it is a variant of one


def cycles(file, *options):
    """What `emulator.mjs cycles` finds out about a program: flat figures."""
    with tempfile.TemporaryDirectory() as directory:
        result, flash = Path(directory) / "result.json", Path(directory) / "flash.bin"
        files = package_files(file)
        if files:
            flash.write_bytes(board_flash.image(files))
            options += ("--flash", flash)
        image = rom_image(file, directory)
        if image:
            options += ("--romfs", image)
        command, environment = run.node_command("cycles", file, "--json", result, *options)
        done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True,
                              env=os.environ | environment)
        if done.returncode:
            raise Refusal(done.stderr.strip())
        return json.loads(result.read_text())


# ---- sweeps


def sweep(name):
    """{number: cycles, all segments of the request counted}."""
    _, numbers, kind, program = SWEEPS[name]
    points = {}
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "sweep.py"
        for n in numbers:
            file.write_text(program if program is ROUTE else program.format(n=n))
            request = f"{kind}:{n}" if kind else "curl"
            points[n] = cycles(file, "--requests", request)[f"sweep.{request}.whole"]
    return points


def sweep_figures(name):
    points = sweep(name)
    base, slope = fit.line(points.items())
    figures = {f"sweep.{name}.{n}": cycles for n, cycles in points.items()}
    return figures | {
        f"sweep.{name}.base": round(base),
        f"sweep.{name}.slope": round(slope, 3),
        f"sweep.{name}.deviation_percent": round(fit.deviation(points.items()), 2),
    }


# ---- memory

SERVER_RAM = """
import gc, modhttp
gc.collect()
before = gc.mem_alloc()
app = modhttp.Server({limits})
app.start()
gc.collect()
print(gc.mem_alloc() - before)
"""


def server_ram(limits):
    """Bytes of MicroPython's heap that a server takes as long as it serves."""
    with emulated.Board() as board:
        return int(board.exec(SERVER_RAM.format(limits=limits)).stdout)


# What many programs do without, and its files.
OPTIONAL = {
    "websocket": "websocket ws ws_open",
    "events": "events",
    "dashboard": "feed",
    "forms": "form form_head",
    "guards": "auth guard noise throttle",
    "log": "log",
    "names": "dns mdns names",
}
OPTION_OF = {stem: option for option, stems in OPTIONAL.items() for stem in stems.split()}


def code_sizes():
    """{room of modhttp/, or one of OPTIONAL: (bytes of flash, bytes of static RAM)}, from the linker's map."""
    text = (build.firmware().parent / "obj-MODHTTP_PICO/firmware.elf.map").read_text()
    room = re.escape(f"{ROOT}/modhttp/")
    entry = rf"^ (\.\S+|COMMON)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) \S+{room}(\w+)/(\w+)\S+$"
    sizes = {}
    for section, address, size, name, stem in re.findall(entry, text, re.MULTILINE):
        name = OPTION_OF.get(stem, name)
        flash, ram = sizes.get(name, (0, 0))
        region = int(address, 16) >> 28  # 1 is flash, 2 is RAM; else it is for the debugger, or left out
        if region == 1 or region == 2 and not section.startswith((".bss", "COMMON")):
            flash += int(size, 16)  # what is in RAM at first is copied there
        if region == 2:
            ram += int(size, 16)
        sizes[name] = (flash, ram)
    return sizes


def memory_figures():
    sizes = code_sizes()
    # port/ is the serial link, which stands in for a radio: its code counts, its buffers do not.
    static = sum(ram for room, (_, ram) in sizes.items() if room != "port")
    all16, all8 = server_ram(""), server_ram("max_connections=8")
    figures = {f"flash.{room}": flash for room, (flash, _) in sorted(sizes.items())}
    return figures | {
        "flash.modhttp": sum(flash for flash, _ in sizes.values()),
        "ram.server16": all16 + static,
        "ram.server4": server_ram("max_connections=4, head_buffers=2") + static,
        "ram.idle_connection": round((all16 - all8) / 8),
    }


# ---- all of it


def measure(names=()):
    """Flat figures: of the programs named, or of all, with sweeps and memory."""
    jobs = [lambda file=file: cycles(file) for file in programs(names)]
    if not names:
        jobs = [*(lambda name=name: sweep_figures(name) for name in SWEEPS), memory_figures, *jobs]
    run.node_command()  # builds what the jobs would each build
    figures = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda job: job(), jobs):
            figures |= found
    return figures
