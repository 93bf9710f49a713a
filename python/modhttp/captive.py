"""app.captive(): the server that a device meets which has joined the board's access point, whatever it asks for."""

import _modhttp
from modhttp.response import Response

# What systems ask for, to see whether they are in the Internet.
PROBES = (
    "/generate_204",  # Android, Chrome
    "/gen_204",
    "/hotspot-detect.html",  # Apple
    "/library/test/success.html",
    "/connecttest.txt",  # Windows
    "/ncsi.txt",
    "/canonical.html",  # Firefox
    "/success.txt",
    "/check_network_status.txt",  # GNOME
)


def _bare(host):
    """A Host field's value without its port."""
    if host[:1] == "[":
        return host[1:].split("]")[0]
    return host.split(":")[0].lower()


def _missing(request):
    raise _modhttp.HTTPError(404)


class CaptivePortal:
    """What app.captive() returns: in force while the server listens."""

    def __init__(self, app, page, names):
        if not page.startswith("/"):
            raise ValueError("the portal's page must be a path: %s" % page)
        self.page = page
        self._names = [name.lower() for name in names]
        self._dns = _modhttp.Dns()
        self._port = 0
        app.before(self._before)
        app._core.missing = _missing  # else hooks are not called for paths that no route has

    def start(self, port):
        """Answer DNS, and send others' requests to the page. The server's start() does it.

        Raises OSError(EADDRINUSE) when a socket of the program has UDP port 53.
        """
        self._dns.start()
        self._port = port

    def stop(self):
        """No longer. The server's stop() does it; a program may, once it has what it wants."""
        self._dns.stop()
        self._port = 0

    @property
    def answers(self):
        """How many DNS questions were answered."""
        return self._dns.answers()

    def _redirect(self, own):
        host = "[%s]" % own if ":" in own else own
        if self._port != 80:
            host += ":%d" % self._port
        return Response(b"", 302, {"Location": "http://" + host + self.page, "Cache-Control": "no-store"})

    def _before(self, request):
        """Before each handler: probes, and requests for a host that is not this one, are sent to the page."""
        if not self._port:
            return None
        own = self._dns.local(request)
        if self._is_ours(request.headers.get("Host"), own) and request.path not in PROBES:
            return None
        return self._redirect(own)

    def _is_ours(self, host, own):
        if host is None:  # HTTP/1.0
            return True
        host = _bare(host)
        return host == own or host.endswith(".local") or host in self._names
