"""The bench: what it counts is the same twice, and what it makes of that is right."""

import re
import sys

import pytest

import emulated

sys.path.append(str(emulated.ROOT / "bench"))

import counted  # noqa: E402
import fit  # noqa: E402
import page  # noqa: E402
from common import Refusal  # noqa: E402

NAMES = ["floor", "native", "file", "floor_route", "route"]
FIGURES = {
    "floor.curl.cycles": 5500, "floor.browser.cycles": 6600, "native.curl.cycles": 6875, "native.browser.cycles": 9900,
    "floor.strange_curl.cycles": 5500, "native.strange_curl.cycles": 8250,
    "floor_route.curl.cycles": 5000, "floor_route.browser.cycles": 6000, "native.update.cycles": 3000,
    "route.curl.cycles": 12000, "route.browser.cycles": 15000,
    "pyparse.curl.cycles": 60000, "flash.modhttp": 40000, "sweep.idle.0": 100, "sweep.idle.deviation_percent": 5.01,
    "host.floor_route.rate8": 200, "host.route.rate8": 50, "host.route_close.rate8": 20,
}


@pytest.fixture(scope="module")
def figures():
    return counted.measure(NAMES)


def test_two_runs_are_equal(figures):
    assert counted.measure(NAMES) == figures


def test_figures_are_those_of_the_contract(figures):
    assert all(type(value) is int for value in figures.values())
    strange = ("strange_curl", "strange_browser")
    more = {"file": ("file16k",), "route": ("post1k", "file16k"), "floor": strange, "native": strange}
    keys = {f"{name}.{request}.{key}" for name in NAMES for request in ("curl", "browser", *more.get(name, ()))
            for key in ("cycles", "first", "fresh", "whole", "flash")}
    keys |= {f"{name}.{key}" for name in NAMES for key in ("allocs", "heap_peak")}
    assert set(figures) == keys | {"native.update.cycles"}


def test_figures_fit_together(figures):
    assert figures["native.curl.cycles"] < figures["native.strange_curl.cycles"]
    assert figures["floor.allocs"] == figures["native.allocs"] == 0 < figures["route.allocs"] < 10
    assert 1000 < figures["native.update.cycles"] < figures["native.curl.cycles"]
    assert figures["floor.heap_peak"] < 1000 < 20 << 10 < figures["route.heap_peak"] < 40 << 10
    for request in ("curl", "browser"):
        assert 1000 < figures[f"floor_route.{request}.cycles"] < figures[f"route.{request}.cycles"] < 100_000
        assert figures[f"floor_route.{request}.cycles"] < figures[f"floor.{request}.cycles"]
        assert figures[f"floor.{request}.cycles"] < figures[f"native.{request}.cycles"]
    for key in (key for key in figures if key.endswith(".whole")):
        name = key.removesuffix("whole")
        assert figures[name + "first"] <= figures[name + "cycles"] <= figures[key]
    assert figures["route.file16k.first"] < figures["route.file16k.cycles"] / 2


def answer_of(name, directory):
    """What a program of the bench sends, once it has taken a sample."""
    file = counted.PROGRAMS / f"{name}.py"
    with emulated.Board(romfs=counted.rom_image(file, directory)) as board:
        board.start(file.read_text())
        board.run(300)
        board.type(counted.directives(file).get("typed", ""))
        board.run(50)
        connection = board.connect(80)
        connection.send(f"GET {counted.directives(file).get('path', '/')} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return connection.recv(ms=500)


@pytest.mark.parametrize("name", ["native", "file", "route"])
def test_floor_sends_the_bytes_of_its_program(name, tmp_path):
    """A sensor's entity tag differs from one start of a program to the next, and nothing else does."""
    tag = re.compile(rb'ETag: "[0-9a-f]{8}-')
    floor, answer = (tag.sub(b"", answer_of(each, tmp_path)) for each in (counted.floor_of(name), name))
    assert floor == answer and b" 200 OK\r\n" in answer


def test_floors_of_others():
    floors = {name: counted.floor_of(name) for name in ("floor", "floor_file", "native", "microdot", "route_close")}
    assert floors == {"floor": "floor", "floor_file": "floor_file", "native": "floor", "microdot": "floor_route",
                      "route_close": "floor_route"}


def test_every_answer_is_of_a_new_sample(tmp_path):
    program = tmp_path / "stale.py"
    program.write_text((counted.PROGRAMS / "native.py").read_text().replace("taken += 1", "taken = 1"))
    with pytest.raises(Refusal, match="curl: the same answer again: .*celsius"):
        counted.cycles(program)


def test_wrong_answer_is_an_error(tmp_path):
    program = tmp_path / "rude.py"
    program.write_text((counted.PROGRAMS / "route.py").read_text().replace('"hello"', '"hallo"'))
    with pytest.raises(Refusal, match="curl: the wrong answer: 200 .*hallo"):
        counted.cycles(program)


def test_program_that_fails_is_an_error(tmp_path):
    program = tmp_path / "broken.py"
    program.write_text("# cycles: path=/\n1 / 0\n")
    with pytest.raises(Refusal, match="ZeroDivisionError"):
        counted.cycles(program)


def test_unknown_program():
    with pytest.raises(Refusal, match="no program of the bench is called rout: there are floor, "):
        counted.programs(["floor", "rout"])


def test_every_program_is_on_the_page():
    text = page.PAGE.read_text().split("## Promises")[0]
    for file in counted.programs():
        assert f"`{file.stem}`" in text
        assert counted.directives(file).get("package", "microdot") in counted.PACKAGES


def test_sweep_is_taken_at_its_numbers(monkeypatch):
    monkeypatch.setitem(counted.SWEEPS, "routes", ("routes", (2, 20), None, counted.MANY_ROUTES))
    found = counted.sweep_figures("routes")
    assert set(found) == {f"sweep.routes.{key}" for key in (2, 20, "base", "slope", "deviation_percent")}
    assert found["sweep.routes.deviation_percent"] == 0  # there is a line through any two points
    assert found["sweep.routes.base"] + 2 * found["sweep.routes.slope"] == pytest.approx(found["sweep.routes.2"], abs=2)


def test_sizes_add_up_to_what_the_elf_has():
    sizes = counted.code_sizes()
    assert set(sizes) == {"core", "net", "port", "py", *counted.OPTIONAL}
    for flash, ram in sizes.values():
        assert 100 < flash < 64 << 10 and 0 <= ram < 20 << 10
    assert sizes["core"][1] == 0


# ---- the line


def test_line_through_points_on_a_line():
    points = [(x, 700 + 2.5 * x) for x in (0, 1, 10, 1000)]
    assert fit.line(points) == pytest.approx((700, 2.5))
    assert fit.deviation(points) == pytest.approx(0, abs=1e-9)


def test_deviation_is_in_per_cent_of_the_line():
    """Where the line is known: of two equal points either side of it, each is as far, in what it is itself."""
    points = [(0, 90.0), (0, 110.0), (1, 90.0), (1, 110.0)]
    base, slope = fit.line(points)
    # Least squares of (y - line) / y.
    assert base == pytest.approx((1 / 90 + 1 / 110) / (1 / 90**2 + 1 / 110**2))
    assert slope == pytest.approx(0, abs=1e-9)
    assert fit.deviation(points) == pytest.approx((110 / base - 1) * 100)


def test_points_in_any_order_and_scale():
    points = [(10, 1000), (1000, 1010), (100, 1100)]
    assert fit.deviation(points) == pytest.approx(fit.deviation(points[::-1]))
    assert fit.deviation([(x, y * 7) for x, y in points]) == pytest.approx(fit.deviation(points))
    assert 2 < fit.deviation(points) < 10


# ---- tables and drawing


def test_promises_are_kept_missed_or_not_there():
    rows = {row[0]: row[1:] for row in page.promises_table(FIGURES)}
    assert rows["a route, curl's request"] == ("2.40 F", "at most 2.5 F", "kept")
    assert rows["a native endpoint, curl's request"] == ("1.25 F", "at most 1.35 F", "kept")
    assert rows["a native endpoint, a browser's"] == ("1.50 F", "at most 1.8 F", "kept")
    assert rows["a server that parses in Python, against a route"] == ("5.00 ×", "at least 10 ×", "**missed**")
    assert rows["idle connections, off a straight line"] == ("5.01 %", "at most 5 %", "**missed**")
    assert rows["flash of all C"] == ("40,000 B", "at most 49,152 B", "kept")
    assert rows["Microdot against a route"][-1] == "not there yet"


def test_ratios_are_to_the_floor():
    """To those that send the same bytes."""
    head, floor, native, strangers, floor_route, route, pyparse = page.cycles_table(FIGURES)
    assert route[:6] == ("route", "12,000", "2.40", "15,000", "2.50", "") and floor[2] == floor_route[2] == "1.00"
    assert native[:5] == ("native", "6,875", "1.25", "9,900", "1.50")
    assert strangers[:4] == ("native, strangers", "8,250", "1.50", "")
    assert {len(row) for row in (floor, native, strangers, route, pyparse)} == {len(head)} and pyparse[0] == "pyparse"
    rates = {row[0]: row for row in page.rates_table(FIGURES)}
    assert rates["route"][3:5] == ("50", "0.25") and rates["route_close"][3:5] == ("20", "0.10")
    assert list(page.update_table(FIGURES))[1][1] == "3,000"


def test_page_is_filled_again_and_again():
    once = page.fill(page.PAGE.read_text(), FIGURES)
    assert "| route | 12,000 | 2.40 |" in once and "Not measured in this run." in once
    assert page.fill(once, FIGURES) == once
    assert page.fill(once, {}) != once


def test_plain_table():
    assert page.plain([("server", "F"), ("route", "12,000")]) == "server       F\nroute   12,000"
    assert page.plain([("what", ""), ("flash", "**missed**")]) == "what\nflash  missed"


def test_drawing_is_the_same_twice(tmp_path):
    files = [tmp_path / name for name in ("first.svg", "second.svg")]
    for file in files:
        page.draw(FIGURES, file)
    first, second = (file.read_text() for file in files)
    assert first == second and not re.search(r"20\d\d-\d\d-\d\d", first)
    assert "12,000" in first and "route" in first
