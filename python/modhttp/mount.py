"""Server.mount(): a server's routes below a prefix of another's."""

from _modhttp import Endpoint
from modhttp.sensors import check_name, measure


def mount(app, prefix, other):
    if not prefix.startswith("/") or prefix.endswith("/"):
        raise ValueError("prefix must begin with / and not end with it")
    sensors = other._metrics.sensors if other._metrics else ()
    for sensor in sensors:
        check_name(app, sensor)
    other._mounts.append((prefix, app))
    for i, sensor in enumerate(sensors):
        measure(app, prefix + other._paths[i], sensor)
    for method, path, function in list(other._core.routes):
        app._add(method, prefix + path, mounted(other, function))


def mounted(app, function):
    """The function for a route of another server's, with what is around it in `app`."""
    if isinstance(function, Endpoint):
        return function

    def serve(request, *captures):
        try:
            result = app._call(function, request, *captures)
        except Exception as exc:
            return app._own_answer(request, exc)
        return _later(app, request, result) if hasattr(result, "send") else result

    return serve


def _later(app, request, coroutine):
    """What an async handler, or a generator, raises is for the app's error handlers too."""
    try:
        return (yield from coroutine)
    except Exception as exc:
        return app._own_answer(request, exc)
