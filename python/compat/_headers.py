"""A request's head, as programs know it that were written for other servers."""


class Headers(dict):
    """Header fields by name as sent, which may be asked for in another case too. Repeated fields are joined by ", "."""

    def __init__(self, request):
        super().__init__()
        self._fill(request)

    def _fill(self, request):
        headers = request.headers
        for name, _ in headers.items():
            self[name] = headers[name]

    def _find(self, name):
        """The name as sent."""
        if super().get(name) is None:
            lower = name.lower()
            for sent in self:
                if sent.lower() == lower:
                    return sent
        return name

    def __getitem__(self, name):
        return super().__getitem__(self._find(name))

    def __contains__(self, name):
        return self.get(name) is not None

    def get(self, name, default=None):
        return super().get(self._find(name), default)


def origin_form(request):
    """The request's target as path and query, not decoded, also where the client has named a whole URL."""
    target = request.target
    if target[0] in "/*":
        return target
    at = target.find("/", target.find("//") + 2)
    return target[at:] if at >= 0 else "/"
