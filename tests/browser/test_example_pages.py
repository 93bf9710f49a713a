"""The pages of examples/, in a browser, as docs/examples.md tells to use them."""

import re

import httpx
import pytest
from playwright.sync_api import expect

import shown

SECTIONS = shown.sections()


@pytest.fixture
def run(start):
    """run(name) starts an example."""
    return lambda name: start(SECTIONS[name].programs[0], files=shown.files_of(name))


@pytest.fixture
def other_page(page):
    """A second visitor, with a window of the same kind."""
    with page.context.browser.new_context() as context:
        context.set_default_timeout(60_000)
        yield context.new_page()


def drag(page, slider, to):
    """Take a slider's thumb and pull it to a share of its width, by mouse."""
    box = slider.bounding_box()
    start = box["x"] + box["width"] * float(slider.input_value()) / 100
    y = box["y"] + box["height"] / 2
    page.mouse.move(start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * to, y, steps=12)
    page.mouse.up()


def duty(page):
    """The pin's, as the board's hardware has it."""
    return int(page.locator("#duty").inner_text())


def test_a_slider_is_dragged_and_the_board_follows(page, other_page, run):
    url = run("led").url
    for one in (page, other_page):
        one.goto(url)
        expect(one.locator("#duty")).to_have_text("0")
        expect(one.get_by_role("slider")).to_have_value("50")
    page.get_by_label("On").check()
    expect(other_page.get_by_label("On")).to_be_checked()
    expect(other_page.locator("#duty")).to_have_text(re.compile("327.."))
    for one, another, share in ((page, other_page, 0.9), (other_page, page, 0.2)):
        drag(one, one.get_by_role("slider"), share)
        level = int(one.get_by_role("slider").input_value())
        assert abs(level - 100 * share) < 5
        expect(another.get_by_role("slider")).to_have_value(str(level))
        for window in (one, another):
            window.wait_for_function(f"Math.abs(+duty.value - {65535 * level / 100}) < 50")
            assert abs(duty(window) - 65535 * level / 100) < 50
    other_page.get_by_label("On").uncheck()
    expect(page.locator("#duty")).to_have_text("0")


def test_the_page_comes_back_with_the_board(page, start, problems):
    program = start(SECTIONS["led"].programs[0])
    page.goto(program.url)
    expect(page.locator("#duty")).to_have_text("0")
    page.get_by_label("On").check()
    expect(page.locator("#duty")).to_have_text(re.compile("327.."))
    program.stop()
    start(SECTIONS["led"].programs[0], port=program.port)
    expect(page.locator("#duty")).to_have_text("0")
    expect(page.get_by_label("On")).not_to_be_checked()
    problems.clear()  # the browser could not connect for a while


def test_three_faces(page, run):
    page.goto(run("three_faces").url)
    heading = page.get_by_role("heading")
    expect(heading).to_have_text("The LED is off")
    for face, state in (("/function", "on"), ("/class", "off"), ("/callback", "on")):
        page.get_by_role("button", name=face).click()
        expect(heading).to_have_text(f"The LED is {state}")


def test_form(page, run):
    page.goto(run("form").url)
    page.get_by_label("Your name").fill("<Ada> & \"Grace\"")
    page.get_by_role("button").click()
    expect(page.get_by_role("heading")).to_have_text("Hello, <Ada> & \"Grace\"")


def test_asyncio(page, run):
    page.goto(run("asyncio_tasks").url)
    expect(page.locator("#celsius")).to_have_text(re.compile(r"^\d\d\.\d$"))
    before = int(page.locator("#blinks").inner_text())
    page.wait_for_function(f"+blinks.value > {before + 2}")


def test_dashboard(page, run):
    page.goto(run("dashboard").url)
    expect(page.get_by_role("heading", name="My board")).to_be_visible()
    for name in ("chip", "heap", "knob"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("live")
    shown_now = page.locator("#cards").inner_text()
    expect(page.locator("#cards")).not_to_have_text(shown_now)


def test_file_manager(page, run):
    program = run("files")
    page.goto(program.url)
    one, other = [{"name": name, "mimeType": "text/plain", "buffer": data}
                  for name, data in (("a & b.txt", b"some text"), ("<i>größe</i>.bin", bytes(40000)))]
    page.set_input_files("input[type=file]", [one, other])
    page.get_by_role("button", name="Upload").click()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(2)
    expect(page.get_by_role("row", name="a & b.txt")).to_contain_text("9 bytes")
    expect(page.get_by_role("row", name="bin")).to_contain_text("40,000 bytes")
    page.get_by_role("link", name="a & b.txt").click()
    expect(page.locator("body")).to_have_text("some text")
    page.go_back()
    page.get_by_role("row", name="bin").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)
    assert [name for name, _ in httpx.get(program.url + "/list", trust_env=False).json()] == ["a & b.txt"]


def test_clock(page, run):
    program = run("clock")
    page.goto(program.url)
    clock = page.locator("time")
    expect(clock).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    before = clock.inner_text()
    page.wait_for_function(f"clock.textContent > '{before}'")
    page.close()
    program.wait_for("a clock ends at")


def test_login(page, run, problems):
    page.goto(run("login").url)
    for password, title in (("guess", "No. Who are you?"), ("secret", "Hello, me")):
        page.get_by_label("Name").fill("me")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button").click()
        expect(page.get_by_role("heading")).to_have_text(title)
    page.reload()
    expect(page.get_by_role("heading")).to_have_text("Hello, me")
    assert page.evaluate("document.cookie") == "", "a script cannot read it"
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading")).to_have_text("Who are you?")
    assert len(problems) == 1 and "403" in problems[0]
    problems.clear()


def test_captive_portal(page, run):
    page.goto(run("captive").url)
    page.get_by_label("Wi-Fi").fill("Attic")
    page.get_by_label("Password").fill("sesame")
    page.get_by_role("button").click()
    expect(page.get_by_role("heading")).to_have_text("Thank you. Restart me.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["led", "files", "login"])
def test_pages_suit_a_phone_and_the_night(page, run, name, scheme):
    page.set_viewport_size({"width": 360, "height": 640})
    page.emulate_media(color_scheme=scheme)
    page.goto(run(name).url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == {"light": "rgb(0, 0, 0)", "dark": "rgb(255, 255, 255)"}[scheme]
