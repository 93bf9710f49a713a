"""Server.dashboard(): a page that shows the server's sensors, and what that page asks for."""

import gc
import json
import sys

from _modhttp import Blob
from modhttp.response import HTML, redirect
from modhttp.sensors import gather

PAGE = "/rom/dashboard.html.gz"
_FIELDS = "Content-Encoding: gzip\r\nCache-Control: no-cache\r\n"
_KINDS = {int: "int", float: "float", bool: "bool", str: "str"}


def publish(app, prefix, title):
    """Server.dashboard()."""
    if not prefix.startswith("/"):
        raise ValueError("prefix must begin with /")
    prefix = prefix.rstrip("/") + "/"
    page = Blob(HTML, _page(), None, _FIELDS)
    metrics = gather(app)
    catalog = Blob("application/json", "")

    def refresh():
        catalog.set(json.dumps(_catalog(prefix, title, app._paths, metrics.sensors)))

    def stats(request):
        figures = app.stats()
        figures["free"] = gc.mem_free()
        figures["used"] = gc.mem_alloc()
        figures["sensors"] = len(metrics.sensors)
        return figures

    refresh()
    app._watchers += (refresh,)
    app._add("GET", prefix, page.endpoint())
    app._add("GET", prefix + "sensors.json", catalog.endpoint())
    app._add("GET", prefix + "sensors/events", metrics.feed())
    app._add("GET", prefix + "stats.json", stats)
    if prefix != "/":
        app._add("GET", prefix[:-1], lambda request: redirect(request.path + "/", 301))


def _page():
    """The flash that the page lies in."""
    try:
        with open(PAGE, "rb") as file:
            return memoryview(file)
    except (OSError, TypeError):
        raise OSError("dashboard() needs %s: put modhttp's rom/dashboard.html.gz into the ROMFS image" % PAGE) from None


def _catalog(prefix, title, paths, sensors):
    """The sensors in the order of their numbers in the feed."""
    machine = getattr(sys.implementation, "_machine", "") if sys.platform == "rp2" else sys.platform
    return {
        "title": title,
        "system": "MicroPython %d.%d.%d" % sys.implementation[1][:3] + (", " + machine if machine else ""),
        "prefix": prefix,
        "sensors": [_describe(paths[i], sensor) for i, sensor in enumerate(sensors)],
    }


def _describe(path, sensor):
    fields = [
        {"name": name, "type": _KINDS[type(value)], "unit": unit, "help": help}
        for name, value, help, unit in sensor.fields
    ]
    return {"path": path, "name": sensor.name, "history": sensor.history, "fields": fields}
