"""Files that are the old one or the new one, whenever the power fails."""

import errno
import os

from _modhttp import HTTPError

_open = set()  # what is being written, of all that goes on at one time


def remove(path):
    """Remove the file, if it is there."""
    try:
        os.remove(path)
    except OSError:
        pass


class Replacement:
    """For `with`: a file that is written beside `path`, and takes its place when all of it is there.

    Where an exception ends the `with` it is removed, and what was at `path` stays. After a power cut, too, it is one or
    the other, on littlefs and on a PC (FAT has no rename that replaces). HTTPError(507): there is no room for it.
    """

    def __init__(self, path):
        self.path = path
        number = 0
        while "%s.new%d" % (path, number) in _open:
            number += 1
        self._beside = "%s.new%d" % (path, number)

    def __enter__(self):
        self._file = open(self._beside, "wb")
        _open.add(self._beside)
        return self

    def write(self, data):
        """Append to the new file."""
        try:
            self._file.write(data)
        except OSError as exc:
            raise self._told(exc) from None

    def __exit__(self, kind, exc, trace):
        try:
            if kind is None:
                self._file.flush()  # to the flash, not only to a cache
                self._file.close()
                os.rename(self._beside, self.path)
        except OSError as exc:
            raise self._told(exc) from None
        finally:
            self._discard()

    def _told(self, exc):
        return HTTPError(507, "there is no room for %s" % self.path) if exc.errno == errno.ENOSPC else exc

    def _discard(self):
        _open.discard(self._beside)
        try:
            self._file.close()
        except OSError:
            pass  # for want of room, again
        remove(self._beside)
