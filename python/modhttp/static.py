"""Server.static(): directories of memory-mapped flash (ROMFS), whose files C sends, and of other file systems."""

import os

from _modhttp import Blob, HTTPError
from modhttp.files import DIRECTORY, File, below, cache_line, content_type, quote, stat_of
from modhttp.response import HTML, Response, redirect


def publish(app, prefix, root, max_age, index, listing):
    """Server.static()."""
    root = root.rstrip("/")
    stat = stat_of(root or "/")
    if stat is None or not stat[0] & DIRECTORY:
        raise ValueError("%s is not a directory" % (root or "/"))
    prefix = prefix.rstrip("/") + "/"
    files = mapped(root)
    if files:
        _publish_mapped(app, prefix, files, cache_line(max_age), index)
    if not files or listing:
        serve = Directory(root, cache_line(max_age), index, listing).serve
        if index not in files:
            app._add("GET", prefix, serve)
        app._add("GET", prefix + "<path:path>", serve)


def mapped(root):
    """{path: memoryview, which is the flash itself} of the files below a directory, if all are in memory; else {}."""
    files = {}
    directories = [""]
    while directories:
        directory = directories.pop()
        for entry in os.ilistdir(root + directory or "/"):
            path = directory + "/" + entry[0]
            if entry[1] == DIRECTORY:
                directories.append(path)
                continue
            with open(root + path, "rb") as file:
                try:
                    files[path[1:]] = memoryview(file)
                except TypeError:
                    return {}
    return files


def _publish_mapped(app, prefix, files, fields, index):
    for path, data in files.items():
        if path.endswith(".gz") and path[:-3] in files:
            continue  # the twin of that one
        endpoint = Blob(content_type(path), data, files.get(path + ".gz"), fields).endpoint()
        app._add("GET", prefix + path, endpoint)
        if index and (path == index or path.endswith("/" + index)):
            app._add("GET", prefix + path[: -len(index)], endpoint)


class Directory:
    """What is below a directory of any file system. `root` has no slash at its end."""

    def __init__(self, root, fields, index, listing):
        self._root = root
        self._fields = fields
        self._index = index
        self._listing = listing

    def serve(self, request, path=""):
        """A route's function."""
        file = below(self._root, path).rstrip("/")
        is_directory = not path or path.endswith("/")
        stat = stat_of(file or "/")
        if stat is not None and stat[0] & DIRECTORY:
            if not is_directory:
                return self._add_slash(request)
            index = stat_of(file + "/" + self._index) if self._index else None
            if index:
                return self._file(file + "/" + self._index, index)
            if self._listing:
                return Response(_listing(file or "/", request.path, not path), 200, None, HTML)
        elif stat is not None and not is_directory:
            return self._file(file, stat)
        raise HTTPError(404)

    def _file(self, path, stat):
        return File(path, twins=True, fields=self._fields, stat=stat)

    def _add_slash(self, request):
        """Relative links are about what is in the directory only with its slash."""
        query = request.target.find("?")
        return redirect(quote(request.path) + "/" + (request.target[query:] if query >= 0 else ""), 301)


def _listing(directory, path, is_top):
    """The page of a directory, entry by entry, in the file system's order: it may be longer than memory."""
    title = escape(path)
    yield "<!DOCTYPE html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    yield "<title>%s</title><h1>%s</h1><table>" % (title, title)
    if not is_top:
        yield "<tr><td><a href='../'>../</a><td>"
    for entry in os.ilistdir(directory):
        is_directory = entry[1] == DIRECTORY
        name = entry[0] + "/" if is_directory else entry[0]
        size = "" if is_directory or len(entry) < 4 else entry[3]
        yield "<tr><td><a href='%s'>%s</a><td align=right>%s" % (quote(name), escape(name), size)
    yield "</table>\n"


def escape(text):
    """As text in HTML, and in a quoted attribute."""
    for c, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(c, entity)
    return text
