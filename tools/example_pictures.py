"""Take the pictures of docs/examples.md, all or those that the arguments name, of the examples as they run here.

A page is photographed in Chromium, a session with curl and the programs of a migration are set as text first.
"""

import base64
import contextlib
import html
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pygments
from playwright.sync_api import sync_playwright
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from dashboard_pictures import FONTS, ROOT, keep

sys.path.append(str(ROOT / "tests"))

import shown  # noqa: E402
import target  # noqa: E402

PICTURES = ROOT / "docs/pictures"
WIDTH = 800
WIDTH_OF_TWO = 900  # programs, of 62 columns each

FRAME = """<!doctype html><meta charset="utf-8"><style>
* {{ box-sizing: border-box; margin: 0 }}
body {{ background: #e7ebea; padding: 18px; width: {width}px; font: 14px system-ui, sans-serif; color: #12211f }}
main {{ display: flex; gap: 16px; align-items: flex-start }}
figure {{ flex: 1; min-width: 0; border-radius: 8px; overflow: hidden; background: #fff; border: 1px solid #c3cbc9 }}
figcaption {{ background: #f6f8f7; border-bottom: 1px solid #d5dcda; padding: 7px 12px; color: #5d6d6a }}
figcaption::before {{ content: "● ● ●"; color: #b9c4c1; letter-spacing: 1px; margin-right: 12px }}
img {{ display: block; width: 100% }}
pre {{ font: 12.5px/1.5 "DejaVu Sans Mono", monospace; padding: 10px 14px; white-space: pre-wrap; tab-size: 4 }}
.terminal {{ background: #10191a; border-color: #10191a }}
.terminal figcaption {{ background: #1b2728; border-color: #1b2728; color: #8fa3a0 }}
.terminal figcaption::before {{ color: #3a4a4b }}
.terminal pre {{ font-size: 14px; color: #b8c7c4; overflow-wrap: anywhere }}
.terminal b {{ color: #fff; font-weight: 500 }}
.terminal i {{ color: #2dd4bf; font-style: normal }}
{style}
.code pre {{ font-size: 10.5px; background: #fff }}</style><main>{figures}</main>"""


class Studio:
    """A browser, and a place for programs to run in."""

    def __init__(self, browser, directory):
        self.browser = browser
        self.directory = directory

    @contextlib.contextmanager
    def running(self, name, program):
        directory = Path(tempfile.mkdtemp(dir=self.directory))
        with target.Program("host", program, directory, files=shown.files_of(name)) as running:
            yield running

    def window(self, height, width=WIDTH - 38, color_scheme="light"):
        return self.browser.new_page(viewport={"width": width, "height": height}, color_scheme=color_scheme)

    def keep(self, name, figures, style="", width=WIDTH):
        """The picture of some windows, beside each other."""
        page = self.browser.new_page(viewport={"width": width, "height": 100})
        page.set_content(FRAME.format(width=width, style=style, figures="".join(figures)))
        keep(page.screenshot(full_page=True), PICTURES / f"{name}.png")
        page.close()


def figure(caption, body, kind=""):
    return f'<figure class="{kind}"><figcaption>{html.escape(caption)}</figcaption>{body}</figure>'


def shot(page, path="/"):
    data = base64.b64encode(page.screenshot()).decode()
    return figure("localhost:8080" + path, f'<img src="data:image/png;base64,{data}">')


# ---- a page, as somebody has left it who used it: Studio, its URL -> its figures


def hello(studio, url):
    page = studio.window(height=160)
    page.goto(url)
    return [shot(page)]


def three_faces(studio, url):
    page = studio.window(height=310)
    page.goto(url)
    page.click("text=/class")
    page.wait_for_function("led.value == 'on'")
    return [shot(page)]


def form(studio, url):
    page = studio.window(height=300)
    page.goto(url)
    page.fill("input", "Ada")
    page.click("button")
    page.wait_for_selector("text=Hello, Ada")
    return [shot(page)]


def asyncio_tasks(studio, url):
    page = studio.window(height=240)
    page.goto(url)
    page.wait_for_function("blinks.value == 7")
    return [shot(page)]


def dashboard(studio, url):
    page = studio.window(height=430)
    page.goto(url)
    page.wait_for_timeout(15_000)  # until there is something to plot
    return [shot(page)]


def files(studio, url):
    page = studio.window(height=330)
    page.goto(url)
    songs = (("plot.svg", 8231), ("samples.csv", 64310), ("song.wav", 182400))
    parts = [{"name": name, "mimeType": "application/octet-stream", "buffer": bytes(size)} for name, size in songs]
    page.set_input_files("input", parts)
    page.click("text=Upload")
    page.wait_for_selector("text=song.wav")
    return [shot(page)]


def clock(studio, url):
    page = studio.window(height=210)
    page.goto(url)
    page.wait_for_function("clock.textContent != '…'")
    return [shot(page)]


def led(studio, url):
    pages = [studio.window(height=360, width=373, color_scheme=scheme) for scheme in ("light", "dark")]
    for page in pages:
        page.goto(url)
        page.wait_for_function("duty.value == '0'")
    pages[0].check("input[type=checkbox]")
    pages[1].fill("input[type=range]", "80")
    for page in pages:
        page.wait_for_function("+duty.value > 50000")
        page.wait_for_function("level.value == 80")
        page.evaluate("document.activeElement.blur()")
    return [shot(page) for page in pages]


def login(studio, url):
    page = studio.window(height=400)
    page.goto(url)
    page.fill("input[name=name]", "me")
    page.fill("input[name=password]", "guess")
    page.click("button")
    page.wait_for_selector("text=No. Who are you?")
    return [shot(page, "/login")]


def captive(studio, url):
    page = studio.window(height=400)
    page.goto(url)
    page.fill("input[name=ssid]", "Attic")
    page.fill("input[name=password]", "sesame")
    return [shot(page)]


PAGES = {pose.__name__: pose for pose in (
    hello, three_faces, form, asyncio_tasks, dashboard, files, clock, led, login, captive)}


# ---- text


def session(studio, section, port):
    """The section's commands in a terminal, with what they write now."""
    lines = []
    for command, _ in section.commands:
        answer = shown.type_in(command, port, studio.directory).rstrip("\n")
        lines.append(f"<i>$</i> <b>{html.escape(command)}</b>\n{html.escape(answer)}{answer and chr(10)}")
    return [figure(f"make run APP=examples/{section.programs[0].name}", f"<pre>{''.join(lines)}</pre>", "terminal")]


def listings(section):
    """Programs beside each other, without the comment that they begin with."""
    formatter = HtmlFormatter(nowrap=True, style="friendly")
    figures = []
    for path in section.programs:
        source = path.read_text().split("\n\n", 1)[1].replace("\n\n\n", "\n\n")
        text = pygments.highlight(source, PythonLexer(), formatter)
        figures.append(figure(path.name, f"<pre>{text}</pre>", "code"))
    return figures, formatter.get_style_defs("pre")


def take(studio, name, section):
    if len(section.programs) == 2:
        studio.keep(name, *listings(section), WIDTH_OF_TWO)
        return
    with studio.running(name, section.programs[0]) as program:
        pose = PAGES.get(name)
        studio.keep(name, pose(studio, program.url) if pose else session(studio, section, program.port))


def main(names):
    target.prepare("host")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        fonts = Path(directory) / "fonts.conf"
        fonts.write_text(FONTS)
        no_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=no_sandbox,
                                             env=os.environ | {"FONTCONFIG_FILE": str(fonts)})
        studio = Studio(browser, Path(directory))
        for name, section in shown.sections().items():
            if not names or name in names:
                take(studio, name, section)


if __name__ == "__main__":
    main(sys.argv[1:])
