"""app.captive(): the server that a device meets which has joined the board's access point, whatever it asks for."""

import _modhttp
from modhttp.response import Response

# What systems ask for, to see whether they are in the Internet. A foreign Host would tell, but not all send one.
PROBES = (
    "/generate_204",  # Android, Chrome
    "/gen_204",
    "/hotspot-detect.html",  # Apple
    "/library/test/success.html",
    "/connecttest.txt",  # Windows
    "/ncsi.txt",
    "/redirect",
    "/canonical.html",  # Firefox
    "/success.txt",
    "/check_network_status.txt",  # GNOME
)


def _bare(host):
    """A Host field's value without its port."""
    if host[:1] == "[":
        return host[1:].split("]")[0]
    return host.split(":")[0].lower()


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
        core = app._core
        self._unserved = core.fallback
        core.fallback = self._fallback

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
        """Before each handler: a request for a host that is not this one is sent to the page."""
        if not self._port:
            return None
        host = request.headers.get("Host")
        if host is None:
            return None
        host = _bare(host)
        own = self._dns.local(request)
        if host == own or host.endswith(".local") or host in self._names:
            return None
        return self._redirect(own)

    def _fallback(self, request):
        """What no route serves."""
        if self._port and request.path in PROBES:
            return self._redirect(self._dns.local(request))
        if self._unserved:
            return self._unserved(request)
        raise _modhttp.HTTPError(404)
