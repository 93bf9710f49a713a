"""The tables of the bench, on the terminal and in docs/benchmarks.md, and its drawing."""

import re

import counted

PAGE = counted.ROOT / "docs/benchmarks.md"
DRAWING = counted.ROOT / "docs/benchmarks.svg"
REQUESTS = ("curl", "browser", "post1k", "file16k")

# Ours, the drop-ins, the others; whatever else there is comes last.
ORDER = ("floor", "native", "floor_file", "file", "floor_route", "route", "handler", "callback", "background",
         "asyncio", "picohttp", "experimental", "httpserver", "ahttpserver", "ytd_http_server", "adafruit_httpserver",
         "pyloop", "pyparse", "microdot", "microdot_patched", "adafruit_release")
OTHERS = ("pyloop", "pyparse", "microdot", "microdot_patched", "adafruit_release")

# What is promised: the figure, or two whose ratio counts; its unit; the limit; and whether that is one from below. Each
# server is held against the floor that sends its own bytes.
PROMISES = (
    ("a native endpoint, curl's request", ("native.curl.cycles", "floor.curl.cycles"), " F", 1.35, False),
    ("a native endpoint, a browser's", ("native.browser.cycles", "floor.browser.cycles"), " F", 1.8, False),
    ("the same of a stranger, curl's", ("native.strange_curl.cycles", "floor.strange_curl.cycles"), " F", 1.35, False),
    ("the same of a stranger, a browser's",
     ("native.strange_browser.cycles", "floor.strange_browser.cycles"), " F", 1.8, False),
    ("a route, curl's request", ("route.curl.cycles", "floor_route.curl.cycles"), " F", 2.5, False),
    ("a server that parses in Python, against a route", ("pyparse.curl.cycles", "route.curl.cycles"), " ×", 10, True),
    ("Microdot against a native endpoint", ("microdot.curl.cycles", "native.curl.cycles"), " ×", 100, True),
    ("Microdot against a route", ("microdot.curl.cycles", "route.curl.cycles"), " ×", 20, True),
    ("an idle connection, beyond lwIP's pcb", ("ram.idle_connection",), " B", 128, False),
    ("RAM of a server of 16 connections", ("ram.server16",), " B", 24 << 10, False),
    ("RAM of a server of 4 connections", ("ram.server4",), " B", 8 << 10, False),
    ("flash of all C", ("flash.modhttp",), " B", 48 << 10, False),
    *((f"{what}, off a straight line", (f"sweep.{name}.deviation_percent",), " %", 5, False)
      for name, (what, *_) in counted.SWEEPS.items()),
)


def number(value):
    """For a table: nothing for what was not measured."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def servers(figures, key):
    """The servers that have a figure `key`, such as curl.cycles, in the tables' order."""
    names = {name.split(".")[0] for name in figures if re.fullmatch(rf"\w+\.({key})", name)}
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


# ---- tables: rows of cells, the first of them the heads


def ratio(figures, server, key, host=""):
    """Of a server's figure to that of its floor, for a table."""
    value, floor = (figures.get(f"{host}{name}.{key}") for name in (server, counted.floor_of(server)))
    return number(value / floor if value is not None and floor else None)


def cycles_table(figures):
    with_floor = [request for request in REQUESTS if servers(figures, rf"{request}\.cycles")[:1] == ["floor"]]
    heads = [(request, "F") if request in with_floor else (request,) for request in REQUESTS]
    yield "server", *sum(heads, ()), "first of file16k", "new connection", "allocations", "heap"
    for server in servers(figures, r"\w+\.cycles"):
        # A server that recognizes requests has another row: for those that it has not had before.
        knows = not server.startswith("floor") and f"{server}.strange_curl.cycles" in figures
        for kind, name in (("", server), *([("strange_", f"{server}, strangers")] if knows else ())):
            row = [name]
            for request in REQUESTS:
                row.append(number(figures.get(f"{server}.{kind}{request}.cycles")))
                if request in with_floor:
                    row.append(ratio(figures, server, f"{kind}{request}.cycles"))
            keys = (f"{kind}file16k.first", f"{kind}curl.fresh", *(() if kind else ("allocs", "heap_peak")))
            yield tuple(row + [number(figures.get(f"{server}.{key}")) for key in keys] + [""] * (4 - len(keys)))


def promises_table(figures):
    yield "what", "is", "promised", ""
    for what, keys, unit, limit, from_below in PROMISES:
        promised = f"{'at least' if from_below else 'at most'} {limit:,}{unit}"
        if any(key not in figures for key in keys):
            yield what, "", promised, "not there yet"
            continue
        value = figures[keys[0]] / figures[keys[1]] if len(keys) > 1 else figures[keys[0]]
        kept = value >= limit if from_below else value <= limit
        yield what, number(value) + unit, promised, "kept" if kept else "**missed**"


def update_table(figures):
    yield "what", "cycles"
    if "native.update.cycles" in figures:
        yield "`update()` of `native`'s sensor", number(figures["native.update.cycles"])


def sweeps_table(figures):
    yield "varied", "from", "to", "cycles there", "to cycles there", "per one", "farthest off the line, %"
    for name, (what, numbers, *_) in counted.SWEEPS.items():
        first, last = numbers[0], numbers[-1]
        keys = (first, last, "slope", "deviation_percent")
        values = [figures.get(f"sweep.{name}.{key}") for key in keys]
        yield (what, number(first), number(last), *map(number, values))


def memory_table(figures):
    yield "what", "bytes"
    for key, what in (("flash.modhttp", "flash, all of our C"), ("flash.core", "of it core"), ("flash.net", "net"),
                      ("flash.py", "py"), ("flash.port", "port, with the serial link"),
                      ("flash.websocket", "WebSockets"), ("flash.events", "Server-Sent Events from Python"),
                      ("flash.dashboard", "the dashboard's feed"), ("flash.forms", "forms and uploads"),
                      ("flash.guards", "Basic, Bearer and Digest, sessions, noise"), ("flash.log", "the log"),
                      ("flash.names", "multicast DNS and captive portals"),
                      ("ram.server16", "RAM, a server as it is"),
                      ("ram.server4", "RAM, `Server(max_connections=4, head_buffers=2)`"),
                      ("ram.idle_connection", "RAM, each connection, beyond lwIP's pcb")):
        yield what, number(figures.get(key))


def core_table(figures):
    columns = [(request, unit) for request in ("curl", "browser") for unit in ("cycles", "instructions")]
    yield "what", *(f"{request}, {'M0+' if unit == 'cycles' else 'x86-64'} {unit}" for request, unit in columns)
    for what in dict.fromkeys(key.split(".")[2] for key in figures if key.startswith("core.")):
        yield f"`{what}`", *(number(figures.get(f"core.{request}.{what}.{unit}")) for request, unit in columns)


def rates_table(figures):
    yield "server", "1 connection", "of floor", "8", "of floor", "64", "of floor", "µs of user CPU per request"
    for server in servers({key[5:]: value for key, value in figures.items() if key.startswith("host.")}, "rate8"):
        row = [server]
        for connections in (1, 8, 64):
            key = f"rate{connections}"
            row += [number(figures.get(f"host.{server}.{key}")), ratio(figures, server, key, "host.")]
        yield (*row, number(figures.get(f"host.{server}.user_us")))


TABLES = {"promises": promises_table, "cycles": cycles_table, "update": update_table, "memory": memory_table,
          "sweeps": sweeps_table, "core": core_table, "rates": rates_table}


def plain(rows):
    """A table for the terminal."""
    rows = [[cell.replace("*", "") for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                       for i, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def markdown(rows):
    head, *rows = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---", *["--:"] * (len(head) - 1)], *rows))


# ---- the page


def fill(text, figures):
    """The page with its tables as these figures have them: each is between <!-- NAME --> and <!-- end -->."""
    for name, table in TABLES.items():
        rows = list(table(figures))
        body = markdown(rows) if len(rows) > 1 else "Not measured in this run."
        start = text.index(f"<!-- {name} -->\n") + len(f"<!-- {name} -->\n")
        text = f"{text[:start]}\n{body}\n\n{text[text.index('<!-- end -->', start):]}"
    return text


def draw(figures, file):
    """Cycles per request of each server, on a logarithmic scale. The same figures give the same bytes."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "modhttp", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    names = servers(figures, r"curl\.cycles")[::-1]
    figure, axes = pyplot.subplots(figsize=(8, 0.34 * len(names) + 1), layout="constrained")
    for request, offset, shade in (("curl", 0.18, 1.0), ("browser", -0.18, 0.5)):
        values = [figures.get(f"{name}.{request}.cycles", 0) for name in names]
        colors = ["#b5541c" if name in OTHERS else "#777777" if "floor" in name else "#1c6fb5" for name in names]
        bars = axes.barh([i + offset for i in range(len(names))], values, 0.34, color=colors, alpha=shade)
        axes.bar_label(bars, [number(value) for value in values], padding=3, fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.set_xscale("log")
    axes.set_xlim(right=max(figures[f"{name}.curl.cycles"] for name in names) * 12)
    axes.set_xlabel("processor cycles, last byte in to last byte out: curl's request, and paler a browser's")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def write(figures):
    """docs/benchmarks.md and its drawing."""
    PAGE.write_text(fill(PAGE.read_text(), figures))
    draw(figures, DRAWING)
