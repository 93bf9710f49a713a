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
    measure(app, path, sensor)


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


def gather(app):
    """What has all sensors."""
    if app._metrics is None:
        app._metrics = Metrics(app._core.common)
    return app._metrics


def measure(app, path, sensor):
    """Have /metrics and the dashboard tell of a sensor, in `app` and where that is mounted."""
    metrics = gather(app)
    if not metrics.sensors and not any(taken == "/metrics" for _, taken, _ in app._core.routes):
        app._add("GET", "/metrics", metrics.endpoint())
    metrics.add(sensor)
    app._paths += (path,)
    for watcher in app._watchers:
        watcher()
    for prefix, parent in app._mounts:
        measure(parent, prefix + path, sensor)
