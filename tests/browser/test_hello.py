"""The smallest example in a browser; and that a page with an error would not pass."""

from playwright.sync_api import expect

import target as targets

HELLO = targets.ROOT / "examples/hello.py"

FAULTY = """import modhttp
app = modhttp.Server()
@app.get("/")
def index(request):
    return modhttp.html("<script>console.error('said'); setTimeout(() => nothing)</script>")
app.run(port=80)
"""


def test_it_works_and_its_link_leads_on(page, program):
    page.goto(program(HELLO).url)
    expect(page.get_by_role("heading")).to_have_text("It works")
    page.get_by_role("link", name="/hello/world").click()
    expect(page.locator("body")).to_have_text("hello world")


def test_errors_of_a_page_are_noticed(page, program, problems):
    with page.expect_event("pageerror"):
        page.goto(program(FAULTY).url)
    assert problems[0] == "said"
    assert "nothing is not defined" in problems[1]
    problems.clear()
