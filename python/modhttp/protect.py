"""Server.protect(): routes below a prefix that are for those who may."""

from _modhttp import Endpoint


def add(app, prefix, check):
    """Protect what is below the prefix from now on."""
    if not prefix.startswith("/"):
        raise ValueError("prefix must begin with /")
    prefix = prefix.rstrip("/")
    for method, path, _ in app._core.routes:
        if _may_reach(path, prefix):
            raise ValueError("protect() comes before what it protects: %s %s is there" % (method, path))
    if app._core.fallback:
        raise ValueError("protect() comes before the callback, which it protects too")
    app._protected.append((prefix, check))


def guarded(app, path, function):
    """The function, or endpoint, of a route, for those who may. The first prefix that was protected is asked first."""
    for prefix, check in reversed(app._protected):
        if _is_below(_literal(path), prefix):
            function = _behind(check, function)
        elif _may_reach(path, prefix):
            function = _behind(_where(app, prefix, check), function)
    return function


def _behind(check, function):
    endpoint = isinstance(function, Endpoint)
    if endpoint and getattr(check, "endpoint", None):
        return check.endpoint(function)

    def serve(request, *captures):
        answer = check(request)
        if answer is not None:
            return answer
        return function if endpoint else function(request, *captures)

    return serve


def _where(app, prefix, check):
    """The check, of requests below the prefix: for a pattern that others match too.

    What a handler may take for a path below it is one: file systems know no empty segments, and some no case.
    """

    def check_path(request):
        path = request.path.lower()
        while "//" in path:
            path = path.replace("//", "/")
        return check(request) if any(_is_below(path, (base + prefix).lower()) for base in _bases(app)) else None

    return check_path


def _bases(app):
    """Where the server's paths begin: they may be mounted in others'."""
    yield ""
    for prefix, parent in app._mounts:
        for base in _bases(parent):
            yield base + prefix


def _literal(path):
    """What a pattern begins with, up to what it captures."""
    return path.partition("<")[0]


def _is_below(path, prefix):
    return path == prefix or path.startswith(prefix + "/")


def _may_reach(path, prefix):
    """Whether a path below the prefix may match the pattern."""
    literal = _literal(path)
    return _is_below(literal, prefix) or (literal != path and (prefix + "/").startswith(literal))
