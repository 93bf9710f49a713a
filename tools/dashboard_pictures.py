"""Take the pictures of the dashboard that docs/ has, of what `make run` shows: called by tools/dashboard.py --pictures.

System fonts are the reader's own; here they are Inter, which looks much like those of phones and computers.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))

import target as targets  # noqa: E402

SECONDS = 75  # of samples
COLORS = 96  # a palette: a third of the size

FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include>/etc/fonts/fonts.conf</include>
<match><test name="family" qual="any" compare="not_eq"><string>monospace</string></test>
<edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match></fontconfig>"""

PICTURES = {
    "dashboard": {"viewport": {"width": 1120, "height": 752}},
    "dashboard-dark": {"viewport": {"width": 1120, "height": 752}, "color_scheme": "dark"},
    "dashboard-phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}


def take(browser, url, name, options):
    with browser.new_context(**options) as context:
        page = context.new_page()
        page.goto(url)
        expect(page.locator("#rate")).to_contain_text("/s")
        page.locator("[name=window][value='60']").check(force=True)
        page.locator("h1").click()  # takes the focus away
        page.wait_for_timeout(1500)
        keep(page.screenshot(), ROOT / f"docs/{name}.png")


def keep(png, path):
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {image.width} x {image.height}, {path.stat().st_size:,} bytes")


def main():
    targets.prepare("host")
    with tempfile.TemporaryDirectory() as directory:
        fonts = Path(directory) / "fonts.conf"
        fonts.write_text(FONTS)
        with targets.Program("host", ROOT / "examples/demo.py", Path(directory)) as program, \
                sync_playwright() as playwright:
            lamp = '{"on": true}'
            subprocess.run(["curl", "-s", "-X", "PUT", "-d", lamp, program.url + "/api/led"], check=True,
                           stdout=subprocess.DEVNULL)
            time.sleep(SECONDS)
            no_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=no_sandbox,
                                                 env=os.environ | {"FONTCONFIG_FILE": str(fonts)})
            for name, options in PICTURES.items():
                take(browser, program.url, name, options)
            browser.close()


if __name__ == "__main__":
    main()
