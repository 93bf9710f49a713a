"""Files that are replaced over the network while the power fails, at many a byte and moment: in virtual time."""

import hashlib
import random

import emulated

APP = """
import modhttp
app = modhttp.Server(max_body=2000)
app.ota(token="secret")
app.run()
"""

OLD, NEW = (random.Random(seed).randbytes(size) for seed, size in ((1, 3000), (2, 9000)))
HEAD = b"PUT /ota/file.py HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\nContent-Length: %d\r\n\r\n"
CHECK = """
import hashlib
print(hashlib.sha256(open("/file.py", "rb").read()).digest() == bytes.fromhex("%s"))
"""


def upload(board, data, ms):
    """Begin a program that takes files, give it as much of one as `data` is, and time."""
    board.start(APP)
    board.run(500)
    connection = board.connect(80)
    connection.send(data)
    board.run(ms)
    return connection


def holds(board, data):
    """Whether the file is this."""
    done = board.exec(CHECK % hashlib.sha256(data).hexdigest())
    assert done.stderr == "", done.stderr
    return done.stdout.startswith("True")


def put(board, data):
    """Replace the file. Returns how long that took."""
    connection = upload(board, HEAD % len(data) + data, 0)
    before = board.now
    assert connection.recv(until=b"\r\n\r\n", ms=60_000).startswith(b"HTTP/1.1 20")
    took = board.now - before
    board.reset()
    return took


def test_old_or_new_whenever_the_power_fails():
    request = HEAD % len(NEW) + NEW
    seen = []
    with emulated.Board() as board:
        took = put(board, NEW)
        put(board, OLD)
        cuts = [(size, 3000) for size in range(0, len(request), 1800)]  # by what has come
        cuts += [(len(request), took * part / 20) for part in range(20)]  # and by time, to the end of it
        cuts += [(len(request), took - 200 + ms) for ms in range(0, 280, 10)]
        for size, ms in cuts:
            upload(board, request[:size], ms)
            board.reset()
            old, new = holds(board, OLD), holds(board, NEW)
            assert old != new, (size, ms)
            seen.append(new)
            if new:
                put(board, OLD)
        assert set(seen) == {True, False}, "the moment of the change is among them"
        put(board, OLD)
        names = board.exec("import os; print(os.listdir('/'))").stdout
        assert "file.py" in names and ".new" not in names, "what a cut has left is used and gone"
