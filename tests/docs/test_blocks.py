"""Every Python block of the README and of docs/ runs as it is written, and what a curl line shows is what comes back.

A block is a program. Comments before it say what it lacks, so that they show neither on GitHub nor on the site:

    <!-- given: import machine -->      lines that stand before it, on a page's way to them
    <!-- then: pass -->                 lines behind it
    <!-- continues -->                  it goes on from the block before it, which lacks its last line, app.run()
    <!-- not run: why -->               the reader is told why, too

A block that makes no server gets one, and one that does not serve is made to. Each has to answer, and no traceback may
be on its console. A block of `console` behind it shows commands and what they print, where … stands for anything;
those that begin with curl are run, against that program.
"""

import re
import subprocess
from pathlib import Path

import pytest

import target as targets
from markdown_page import blocks

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ON_THE_BOARD = ["tutorial.md"]  # pages whose programs run on the emulated board, too

# What a program finds on this machine as on a board: littlefs at its root, and a radio.
BOARD = '''def board(files):
    import os, sys, vfs
    class Flash:
        data = bytearray(128 * 4096)
        def readblocks(self, block, buffer, offset=0):
            begin = block * 4096 + offset
            buffer[:] = memoryview(self.data)[begin:begin + len(buffer)]
        def writeblocks(self, block, buffer, offset=0):
            begin = block * 4096 + offset
            self.data[begin:begin + len(buffer)] = buffer
        def ioctl(self, what, arg):
            return {4: 128, 5: 4096}.get(what, 0)
    vfs.umount("/")
    vfs.VfsLfs2.mkfs(Flash())
    vfs.mount(vfs.VfsLfs2(Flash()), "/")
    os.chdir("/")
    for name, data in files.items():
        if "/" in name and name.split("/")[0] not in os.listdir():
            os.mkdir(name.split("/")[0])
        with open(name, "wb") as file:
            file.write(data)
    real = __import__("network")
    class WLAN:
        IF_STA, IF_AP, PM_NONE = 0, 1, 0xa11140
        ifconfig = lambda self: ("192.168.4.1", "255.255.255.0", "192.168.4.1", "192.168.4.1")
        def __init__(self, interface=0): pass
        def active(self, on=True): return True
        def config(self, *names, **settings): pass
        def connect(self, *credentials): pass
        def isconnected(self): return True
        def ipconfig(self, name): return ("192.168.4.1", "255.255.255.0")
    class Network:
        def __getattr__(self, name): return getattr(real, name)
    network = Network()
    network.STA_IF, network.AP_IF = 0, 1
    network.WLAN = network.WIZNET5K = WLAN
    sys.modules["network"] = network
board(%r)
'''
FILES = {"index.html": b"<h1>index</h1>\n", "www/index.html": b"<h1>www</h1>\n", "data/log.csv": b"1,2\n",
         "www/style.css": b"body {}\n", "photos/a.txt": b"a"}

SERVES = re.compile(r"\.run\(|\.start\(|\.serve\(|\bserve\(|HttpServer\(|serve_forever\(")
PORT = re.compile(r"(?:port=|HttpServer\()(\d+)")


def said(block, word):
    """What the comments before a block say after a word, or None."""
    for comment in block.comments:
        head, colon, rest = comment.partition(":")
        if head.strip() == word:
            return rest.strip("\n ") if colon else ""
    return None


def programs(page):
    """[(line, program, console blocks)] of a page, and nothing of what is not run."""
    found, before = [], ""
    for block in blocks(page.read_text()):
        if block.language == "console" and found:
            found[-1][2].append(block)
        if block.language != "python":
            continue
        if said(block, "not run") is not None:
            assert said(block, "not run"), f"{page.name}:{block.line} does not say why it is not run"
            found.append((block.line, None, []))
            continue
        parts = [said(block, "given"), block.code, said(block, "then")]
        if said(block, "continues") is not None:
            parts.insert(0, re.sub(r"^(app\.run\(.*|asyncio\.run\(.*)$", "", before, flags=re.MULTILINE))
        before = "\n".join(part for part in parts if part) + "\n"
        found.append((block.line, before, []))
    return [one for one in found if one[1]]


def whole(text):
    """A block as a program that serves."""
    code = re.sub(r"#.*", "", text)
    if not SERVES.search(code):
        text += "\napp.run(port=80)\n"
    if not re.search(r"^import modhttp|^(?:import|from) \w*(?:http|socketpool|experimental)", text, re.MULTILINE):
        text = "import modhttp\n" + text
    if "app" in re.findall(r"\w+", text) and not re.search(r"^ *app = ", text, re.MULTILINE):
        text = text.replace("import modhttp\n", "import modhttp\napp = modhttp.Server()\n", 1)
    return text


CASES = [pytest.param(page, text, console, id=f"{page.relative_to(ROOT)}:{line}")
         for page in PAGES for line, text, console in programs(page)]
BOARD_CASES = [case for case in CASES if case.values[0].name in ON_THE_BOARD]


def commands(block):
    """[(command, what it prints)] of a console block."""
    found = []
    for line in block.code.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append([line[2:], ""])
        elif found and found[-1][0].endswith("\\\n"):
            found[-1][0] += line
        elif found:
            found[-1][1] += line
    return found


def check_commands(console, url, directory):
    """Run the curl lines, in the reader's directory. Where nothing is shown, a status below 400 is wanted."""
    for command, shown in (pair for block in console for pair in commands(block)):
        if not command.startswith("curl "):
            continue
        here = re.sub(r"(?:http://)?(?:localhost:8080|192\.168\.\d+\.\d+|room\.local)", url, command)
        words = here.replace("curl ", "curl -sS --max-time 20 " + ("" if shown.strip() else "--fail "), 1)
        done = subprocess.run(["bash", "-o", "pipefail", "-c", words], check=False, cwd=directory, capture_output=True,
                              text=True)
        assert done.returncode in ((0, 18, 28) if shown.strip().endswith("…") else (0,)), (command, done.stderr)
        if shown.strip():
            pattern = re.escape(shown.strip()).replace("…", ".*")
            got = done.stdout.replace("\r\n", "\n").strip()
            assert re.fullmatch(pattern, got, re.DOTALL), (command, shown, got)


def check(kind, text, console, directory):
    port = PORT.search(text)
    start = BOARD % FILES if kind == "host" else ""
    program = targets.Program(kind, start + whole(text), directory, app_port=int(port[1]) if port else 80, files=FILES)
    with program:
        assert program.get("/").status_code, "no answer"
        reader = directory / "reader"
        reader.mkdir(exist_ok=True)
        for name in ("main.py", "photo.jpg", "notes.txt"):
            (reader / name).write_text("# here\n")
        check_commands(console, program.url, reader)
    assert "Traceback" not in program.console, program.console


@pytest.fixture(scope="module")
def host():
    targets.prepare("host")


@pytest.mark.parametrize("page, text, console", CASES)
def test_block_runs(host, page, text, console, tmp_path):
    check("host", text, console, tmp_path)


@pytest.mark.parametrize("page, text, console", BOARD_CASES)
def test_block_runs_on_the_board(page, text, console, tmp_path):
    targets.prepare("rp2040")
    check("rp2040", text, console, tmp_path)


def test_a_block_that_fails_is_found(host, tmp_path):
    """The checks can fail."""
    with pytest.raises(AssertionError):
        check("host", "import modhttp\napp = modhttp.Server()\napp.nothing()", [], tmp_path)
    wrong = blocks('```python\n```\n```console\n$ curl localhost:8080/\nnot this\n```\n')[1:]
    text = 'import modhttp\napp = modhttp.Server()\n@app.get("/")\ndef f(r):\n    return "this"\n'
    with pytest.raises(AssertionError, match="not this"):
        check("host", text, wrong, tmp_path)

