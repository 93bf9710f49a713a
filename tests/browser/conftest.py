"""Pages as a browser shows them: Debian's Chromium, driven by Playwright.

    def test_it(page, program):
        page.goto(program(EXAMPLES / "hello.py").url)

A test that takes `page` runs once per target, as those that take `program` or `start` do.
"""

import os
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

import target as targets


@pytest.fixture(scope="session", params=("host", "rp2040"))
def target(request):
    targets.prepare(request.param)
    return request.param


# For a module, not for the session: Playwright keeps an event loop running, and no other test could have its own.
@pytest.fixture(scope="module")
def chromium():
    no_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which Chromium insists on, as root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=no_sandbox)
        yield browser
        browser.close()


@pytest.fixture
def problems():
    """What the page has complained of: exceptions that it did not catch, errors on its console.

    There must be none when the test is over. A test that brings some about takes them off the list.
    """
    return []


def is_error(message):
    """Of the console. That a page has no icon, for which browsers ask of themselves, is none."""
    return message.type == "error" and not message.location["url"].endswith("/favicon.ico")


@pytest.fixture
def page(chromium, target, problems, start):  # is closed before what `start` has started is ended
    """A browser window of its own: no cookies, no cache, nothing that another test has left.

    `emulate_media(color_scheme="dark")` and `set_viewport_size({"width": 390, "height": 844})` make it another.
    """
    patience = targets.PATIENCE[target] * 1000
    expect.set_options(timeout=patience)
    with chromium.new_context() as context:
        context.set_default_timeout(patience)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(error.stack or str(error)))
        page.on("console", lambda message: problems.append(message.text) if is_error(message) else None)
        yield page
    assert problems == []
