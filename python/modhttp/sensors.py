"""Server.sensor(): the routes of a sensor, and its names in /metrics."""

from _modhttp import Metrics


def publish(app, path, sensor):
    paths = [path + suffix for suffix in ("", ".csv", ".bin", "/events")]
    if "<" in path:
        raise ValueError("a sensor's path has no captures: %s" % path)
    for method, taken, _ in app._core.routes:
        if method == "GET" and taken in paths:
            raise ValueError("GET %s already has a handler" % taken)
    check_name(app, sensor)
    for form, one in enumerate(paths):
        app._add("GET", one, sensor.endpoint(form))
    measure(app, sensor)


def check_name(app, sensor):
    """Raises ValueError where a sensor would be taken for another, in `app` or where that is mounted."""
    if sensor.common < app._core.common:
        raise ValueError("%s has no room for what secure() and cors() say: call them before" % sensor.name)
    taken = {}
    for other in app._metrics.sensors if app._metrics else ():
        if other.name == sensor.name:
            raise ValueError("another sensor is called %s: give this one a name of its own" % sensor.name)
        taken.update((metric, other.name) for metric in other.metrics)
    for metric in sensor.metrics:
        if metric.startswith("modhttp_"):
            raise ValueError("modhttp_... in /metrics is the server's own: give the sensor another name")
        if metric in taken:
            names = metric, taken[metric], sensor.name
            raise ValueError("two fields would be %s in /metrics, of %s and of %s: give one another name" % names)
        taken[metric] = sensor.name
    for _, parent in app._mounts:
        check_name(parent, sensor)


def measure(app, sensor):
    """Have /metrics tell of a sensor, in `app` and where that is mounted."""
    if app._metrics is None:
        app._metrics = Metrics(app._core.common)
        if not any(path == "/metrics" for _, path, _ in app._core.routes):
            app._add("GET", "/metrics", app._metrics.endpoint())
    app._metrics.add(sensor)
    for _, parent in app._mounts:
        measure(parent, sensor)
