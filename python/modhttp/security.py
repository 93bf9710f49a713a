"""What answers say to browsers of who may do what with them; and requests that other sites' pages make."""

from modhttp.response import Response, field_lines

# Without a word of the program's: nobody guesses types, frames pages, or hears of the addresses that links are on.
_DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_SAFE = ("GET", "HEAD", "OPTIONS")


def set_common(app):
    """Have _modhttp say in every answer what Server.secure() and Server.cors() were told."""
    if app._metrics:
        raise ValueError("secure() and cors() come before the first sensor, which makes room for what they say")
    fields, cors = app._common
    everywhere = field_lines(fields)[0]
    origins = cors or {"": ({}, {})}
    lines = [(origin, everywhere + field_lines(said)[0], field_lines(preflight)[0])
             for origin, (said, preflight) in origins.items()]
    lines.sort(key=lambda line: line[0] != "")  # first comes what any other origin gets
    app._core.common = tuple(lines)


def secure(app, fields):
    """Server.secure()."""
    said = dict(_DEFAULTS)
    said.update(fields or {})
    app._common[0] = {name: value for name, value in said.items() if value is not None}
    set_common(app)


def cors(app, origins, methods, headers, expose, max_age, credentials):
    """Server.cors()."""
    origins = (origins,) if isinstance(origins, str) else tuple(origins)
    for origin in origins:
        if origin != "*" and ("://" not in origin or "/" in origin[origin.find("://") + 3 :]):
            raise ValueError("an origin is like https://example.org, without a path: %s" % origin)
    if "*" in origins and (credentials or len(origins) > 1):
        raise ValueError("* is every origin: neither others beside it nor credentials")
    preflight = {
        "Access-Control-Allow-Methods": ", ".join(methods or _METHODS),
        "Access-Control-Max-Age": max_age,
    }
    if headers:
        preflight["Access-Control-Allow-Headers"] = ", ".join(headers)
    said = {"Access-Control-Allow-Credentials": "true"} if credentials else {}
    if expose:
        said["Access-Control-Expose-Headers"] = ", ".join(expose)
    if "*" in origins:
        said["Access-Control-Allow-Origin"] = "*"
        app._common[1] = {"": (said, preflight)}
    else:
        app._common[1] = {"": ({"Vary": "Origin"}, {})}
        for origin in origins:
            own = dict(said)
            own.update({"Access-Control-Allow-Origin": origin, "Vary": "Origin"})
            app._common[1][origin] = own, preflight
    set_common(app)


def same_site(trusted=()):
    """A function for before() or protect(): refuses, with 403, what changes something and is another site's page's.

    It asks Sec-Fetch-Site; of browsers that do not say it, whether Origin is Host. Who says neither is no browser.
    trusted: origins that may nevertheless, such as "https://example.org".
    """

    def check(request):
        if request.method in _SAFE:
            return None
        headers = request.headers
        origin = headers.get("Origin")
        if origin in trusted:
            return None
        site = headers.get("Sec-Fetch-Site")
        if site is None:
            if origin is None or origin.partition("://")[2].lower() == headers.get("Host", "").lower():
                return None
        elif site in ("same-origin", "none"):
            return None
        return Response("403 Forbidden: not from another site's page\n", 403)

    return check
