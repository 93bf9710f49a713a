"""app.dashboard() as one sees it: what is live, what comes back, what it looks like, and what it asks of the server."""

import re
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

import target as targets

DEMO = targets.ROOT / "examples/demo.py"
PHONE = {"width": 390, "height": 844}

# A client says what the sensors measure.
TOLD = """import modhttp
app = modhttp.Server()
room = app.sensor("/api/room", history=100, celsius=modhttp.Field(0.0, help="By the window"), door=False, who="nobody")
plain = app.sensor("/plain", count=0)
@app.post("/tell")
def tell(request):
    room.update(**{name: float("nan") if value is None else value for name, value in request.json.items()})
    return 204
@app.post("/count")
def count(request):
    plain.update(count=plain.seq + 1)
    return 204
@app.post("/more")
def more(request):
    app.sensor("/later", lux=7)
    return 204
app.dashboard(title="House")
app.run(port=80)
"""

NONE = "import modhttp\napp = modhttp.Server()\napp.dashboard()\napp.run(port=80)\n"

MANY = """import modhttp
import machine
app = modhttp.Server()
sensors = [app.sensor("/s/%d" % i, history=20, value=0.0, other=0) for i in range(20)]
app.dashboard()
def sample(timer):
    for i, sensor in enumerate(sensors):
        sensor.update(value=i + sensor.seq / 100, other=sensor.seq)
timer = machine.Timer(period=1000, callback=sample)
app.run(port=80)
"""

PROTECTED = """import modhttp
from modhttp.auth import Basic
app = modhttp.Server()
app.protect("/", Basic({"me": "secret"}))
app.sensor("/room", history=10, celsius=21.5)
app.dashboard("/board")
app.run(port=80)
"""


def post(server, path, **values):
    assert httpx.post(server.url + path, json=values, timeout=server.patience, trust_env=False).status_code == 204


def tell(server, **values):
    post(server, "/tell", **values)


def card(page, name):
    return page.get_by_role("region", name=name, exact=True)


def field(page, sensor, name):
    """The number of a field."""
    return card(page, sensor).locator(".field").filter(has=page.get_by_text(name, exact=True)).locator(".value span")


def drawn(plot):
    """How many of its pixels are of a line."""
    return plot.locator("canvas").evaluate("""(canvas) => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const [r, g, b] = getComputedStyle(document.documentElement).getPropertyValue('--accent').match(/\\w\\w/g)
            .map((h) => parseInt(h, 16));
        let count = 0;
        for (let i = 0; i < data.length; i += 4) {
            const off = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
            count += data[i + 3] > 200 && off < 60;
        }
        return count;
    }""")


def live(page):
    expect(page.get_by_role("status")).to_have_text("live")


def test_values_change_as_they_are_taken(page, program):
    server = program(TOLD)
    page.goto(server.url)
    live(page)
    expect(page).to_have_title("House")
    tell(server, celsius=21.5, door=True, who="Ann")
    expect(field(page, "room", "celsius")).to_have_text("21.50")
    expect(card(page, "room").locator(".value small")).to_have_text("°C")
    expect(card(page, "room").locator(".state").filter(has_text="door").locator("b")).to_have_text("yes")
    expect(card(page, "room").locator(".state").filter(has_text="who").locator("b")).to_have_text("Ann")
    tell(server, celsius=-4)
    expect(field(page, "room", "celsius")).to_have_text("\N{MINUS SIGN}4.00")
    tell(server, celsius=None)
    expect(field(page, "room", "celsius")).to_have_text("\N{EN DASH}")
    expect(field(page, "plain", "count")).to_have_text("0")
    expect(card(page, "room").get_by_title("By the window")).to_be_visible()


def test_the_plot_has_the_history(page, start):
    server = start(TOLD)
    for i in range(30):
        tell(server, celsius=20 + i % 7)
    page.goto(server.url)
    expect(field(page, "room", "celsius")).to_have_text("21.00")
    expect(card(page, "room").get_by_text("20.00 to 26.00")).to_be_visible()
    plot = card(page, "room").get_by_role("img")
    expect(plot).to_have_attribute("aria-label", re.compile("from 20.00 to 26.00"))
    assert drawn(plot) > 100
    assert drawn(card(page, "plain").get_by_role("img")) == 0


def test_a_pointer_or_a_key_goes_back_in_time(page, start):
    server = start(TOLD)
    for celsius in (20, 30, 25):
        tell(server, celsius=celsius)
    page.goto(server.url)
    number, plot = field(page, "room", "celsius"), card(page, "room").get_by_role("img")
    expect(number).to_have_text("25.00")
    page.keyboard.press("Tab")
    for _ in range(20):
        if page.evaluate("document.activeElement.className") == "plot":
            break
        page.keyboard.press("Tab")
    expect(plot).to_be_focused()
    for shown in ("25.00", "30.00", "20.00"):
        page.keyboard.press("ArrowLeft")
        expect(number).to_have_text(shown)
    page.keyboard.press("Escape")
    expect(number).to_have_text("25.00")
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 60)
    expect(number).to_have_text("20.00")
    page.mouse.move(0, 0)
    expect(number).to_have_text("25.00")


def test_the_keyboard_chooses_the_time_shown(page, program):
    page.goto(program(TOLD).url)
    live(page)
    chosen = page.get_by_role("radio", checked=True)
    page.keyboard.press("Tab")
    expect(chosen).to_be_focused()
    expect(chosen).to_have_value("300")
    page.keyboard.press("ArrowRight")
    expect(chosen).to_have_value("3600")
    page.reload()
    live(page)
    expect(chosen).to_have_value("3600")


def test_it_reconnects_and_goes_on(page, start, problems, tmp_path):
    server = start(TOLD)
    tell(server, celsius=21)
    page.goto(server.url)
    expect(field(page, "room", "celsius")).to_have_text("21.00")
    server.stop()
    expect(page.get_by_role("status")).to_have_text("reconnecting")
    expect(field(page, "room", "celsius")).to_have_text("21.00")
    with targets.Program(server.target, TOLD, tmp_path, port=server.port) as again:
        live(page)
        tell(again, celsius=22)
        expect(field(page, "room", "celsius")).to_have_text("22.00")
        expect(card(page, "room").get_by_text("21.00 to 22.00")).to_be_visible()
        page.goto("about:blank")
    assert [problem for problem in problems if "net::ERR_" not in problem] == []
    problems.clear()


def test_it_asks_for_nothing_while_nobody_looks(page, start):
    server = start(TOLD)
    page.goto(server.url)
    live(page)
    post(server, "/count")
    expect(field(page, "plain", "count")).to_have_text("1")
    page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });
        window.away = true;
        document.dispatchEvent(new Event('visibilitychange'));
    }""")
    expect(page.get_by_role("status")).to_have_text("paused")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for celsius in (1, 2, 3):
        tell(server, celsius=celsius)
    page.wait_for_timeout(3000)
    assert asked == []
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    live(page)
    expect(card(page, "room").get_by_text("1.000 to 3.000")).to_be_visible()
    expect(field(page, "plain", "count")).to_have_text("1")


def test_no_sensors_and_then_the_first(page, start):
    page.goto(start(NONE).url)
    live(page)
    expect(page.get_by_role("heading", name="No sensors yet")).to_be_visible()
    expect(page.locator("pre")).to_contain_text("    room.update(")


def test_sensors_of_later_appear(page, start):
    server = start(TOLD)
    page.goto(server.url)
    live(page)
    post(server, "/more")
    expect(field(page, "later", "lux")).to_have_text("7")


def test_twenty_sensors_take_few_connections(page, start):
    server = start(MANY)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url)
    live(page)
    expect(page.locator(".card")).to_have_count(20)
    first = field(page, "19", "value")
    expect(first).not_to_have_text("\N{EN DASH}")
    was = first.inner_text()
    expect(first).not_to_have_text(was)
    expect(page.locator("#open")).to_have_text("2")
    assert sum("/events" in url for url in asked) == 1
    assert {urlsplit(url).netloc for url in asked if url.startswith("http")} == {urlsplit(server.url).netloc}
    assert not [url for url in asked if not url.startswith((server.url, "data:"))]


def test_the_programs_figures(page, program):
    page.goto(program(TOLD).url)
    live(page)
    expect(page.locator("#rate")).to_have_text(re.compile(r"^\d+(\.\d)? /s$"))
    expect(page.locator("#uptime")).to_have_text(re.compile(r"^\d+ (s|min|h)"))
    expect(page.locator("#free")).to_have_text(re.compile(r"^[\d.]+ [kM]B$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(page, program, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(program(TOLD).url)
    live(page)
    assert page.evaluate("getComputedStyle(document.body).colorScheme") in ("normal", "light dark")
    lightness = brightness(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert lightness > 0.8 if scheme == "light" else lightness < 0.1
    texts = page.evaluate(CONTRASTS)
    assert len(texts) > 20
    assert [text for text in texts if contrast(*text[1:]) < 4.5] == []


# Each text that is seen, with its colour and that behind it, of which some are thin layers upon others.
CONTRASTS = """() => {
    const parse = (colour) => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
    const behind = (node) => {
        const [r, g, b, a] = parse(getComputedStyle(node).backgroundColor);
        if (a === 1 || !node.parentElement) return [r, g, b];
        const under = behind(node.parentElement);
        return [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
    };
    const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        const parent = node.parentElement;
        if (node.data.trim() && parent.checkVisibility() && !['SCRIPT', 'STYLE'].includes(parent.tagName)) {
            const rgb = (c) => `rgb(${c.slice(0, 3).join(',')})`;
            found.push([node.data, rgb(parse(getComputedStyle(parent).color)), rgb(behind(parent))]);
        }
    }
    return found;
}"""


def brightness(colour):
    """Relative luminance, as WCAG 2 has it."""
    channels = [float(c) / 255 for c in re.findall(r"[\d.]+", colour)[:3]]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("source", [TOLD, MANY, DEMO, NONE], ids=["told", "many", "demo", "none"])
def test_a_phone_has_no_need_to_scroll_sideways(page, start, source):
    page.set_viewport_size(PHONE)
    page.goto(start(source).url)
    live(page)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.evaluate("""() => [...document.querySelectorAll('body *')].filter((node) => node.checkVisibility() &&
        !node.closest('pre') && node.getBoundingClientRect().right > innerWidth + 1).length""") == 0


def test_below_a_prefix_behind_a_password(chromium, target, start):
    server = start(PROTECTED)
    assert server.get("/board/sensors/events").status_code == 401
    credentials = {"username": "me", "password": "secret"}
    with chromium.new_context(http_credentials=credentials) as context:
        context.set_default_timeout(server.patience * 1000)
        page = context.new_page()
        page.goto(server.url + "/board")
        live(page)
        expect(card(page, "room").get_by_role("link", name="/room")).to_have_attribute("href", "/room")
        expect(field(page, "room", "celsius")).to_have_text("21.50")
