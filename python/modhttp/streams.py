"""Streams as the bodies of answers: files, sockets, and whatever else has readinto()."""

_SIZE = 1024


class Pieces:
    """What a stream gives, up to `left` bytes if that is not None, in a buffer that is used again and again.

    Each piece is valid until the next is asked for. A stream that has nothing yet gives an empty one.
    """

    def __init__(self, stream, left=None):
        self._stream = stream
        self._left = left
        self._buffer = memoryview(bytearray(_SIZE if left is None else min(left, _SIZE)))

    def __iter__(self):
        return self

    def __next__(self):
        piece, left = self._buffer, self._left
        if left is not None and left < len(piece):
            piece = piece[:left]
        n = self._stream.readinto(piece)
        if n is None:
            return b""
        if not n:
            raise StopIteration
        if left is not None:
            self._left = left - n
        return piece if n == len(piece) else piece[:n]

    def close(self):
        """The answer is over, or given up."""
        if hasattr(self._stream, "close"):
            self._stream.close()


class Parts(Pieces):
    """Parts of a file, each with a text before it: [(text, offset, length), …]."""

    def __init__(self, stream, parts):
        super().__init__(stream, _SIZE)
        self._left = 0
        self._parts = parts

    def __next__(self):
        if self._left:
            return super().__next__()
        if not self._parts:
            raise StopIteration
        text, offset, self._left = self._parts.pop(0)
        self._stream.seek(offset)
        return text
