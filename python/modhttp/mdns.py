"""app.advertise(): a .local name, and a service to be found by (RFC 6762 and 6763). The responder is lwIP's."""

import _modhttp

LABEL_MAX = 63
TYPE_MAX = 16  # "_" and 15 characters (RFC 6335)
ITEM_MAX = 255


def _checked(what, text, most):
    if not 1 <= len(text.encode()) <= most:
        raise ValueError("%s must be 1 to %d bytes: %s" % (what, most, text))
    return text


def _is_ldh(text):
    """Letters, digits and hyphens, with hyphens only between others."""
    return all("a" <= c <= "z" or "0" <= c <= "9" or c == "-" for c in text.lower()) and text[:1] != "-" != text[-1:]


def _host(name):
    name = name[:-6] if name.endswith(".local") else name
    if not _is_ldh(_checked("a .local name", name, LABEL_MAX)):
        raise ValueError("a .local name has letters, digits and hyphens: %s" % name)
    return name


def _title(title):
    if any(c < " " or c == "\x7f" for c in _checked("title", title, LABEL_MAX)):
        raise ValueError("title has a control character")
    return title


def _type(service):
    name, _, protocol = service.partition(".")
    if name[:1] != "_" or len(name) < 2 or not _is_ldh(name[1:]) or protocol != "_tcp":
        raise ValueError("service must be like _http._tcp: %s" % service)
    return _checked("service", name, TYPE_MAX)


def _txt(items):
    """The strings of a TXT record, each with its length before it; where there are none, an empty one."""
    record = b""
    for key, value in items.items():
        if not key or any(not " " <= c <= "~" or c == "=" for c in key):
            raise ValueError("a key of txt must be printable ASCII without =: %s" % key)
        item = key if value is None else "%s=%s" % (key, value)
        _checked("an item of txt", item, ITEM_MAX)
        record += bytes((len(item.encode()),)) + item.encode()
    return record or b"\0"


class Service:
    """What app.advertise() returns: announced while the server listens."""

    def __init__(self, name, service, txt, title):
        if not hasattr(_modhttp, "Mdns"):
            raise OSError("this firmware is built without mDNS, as for boards without Wi-Fi and Ethernet")
        if name is None:
            import network

            name = network.hostname()
        name = _host(name)
        self._mdns = _modhttp.Mdns(name, _title(name if title is None else title), _type(service), _txt(txt or {}))

    def start(self, port):
        """Announce, instead of what was announced before. The server's start() does it.

        Raises OSError where no network interface that is up has multicast.
        """
        self._mdns.start(port)

    def stop(self):
        """Say goodbye. The server's stop() does it."""
        self._mdns.stop()

    @property
    def host(self):
        """The name, such as "room.local", once nobody else has turned out to have it; None before, for about a second.

        Where somebody has, it is "room-2.local", or with the next number that is free.
        """
        host, _, _, ours = self._mdns.names()
        return host + ".local" if ours else None

    @property
    def title(self):
        """What a list of services shows, likewise: "A room", or "A room (2)"; or None."""
        _, title, _, ours = self._mdns.names()
        return title if ours else None

    @property
    def conflicts(self):
        """How many names others turned out to have since it was last started."""
        return self._mdns.names()[2]
