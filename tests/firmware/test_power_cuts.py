"""Files that are replaced over the network while the power fails, at many a byte and moment: in virtual time."""

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
import hashlib, os
print(hashlib.sha256(open("/file.py", "rb").read()).digest() == bytes.fromhex("%s"), os.listdir("/"))
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
    """Whether the file is this, and what else there is."""
    import hashlib

    done = board.exec(CHECK % hashlib.sha256(data).hexdigest())
    assert done.stderr == "", done.stderr
    return done.stdout.startswith("True")


def put(board, data):
    connection = upload(board, HEAD % len(data) + data, 0)
    assert connection.recv(until=b"\r\n\r\n", ms=60_000).startswith(b"HTTP/1.1 20")
    board.reset()


def test_old_or_new_whenever_the_power_fails():
    request = HEAD % len(NEW) + NEW
    cuts = [(size, 300) for size in range(0, len(request), 1111)]  # by what has come
    cuts += [(len(request), ms) for ms in range(0, 1500, 60)]  # and by time, the end of it
    seen = []
    with emulated.Board() as board:
        put(board, OLD)
        for size, ms in cuts:
            upload(board, request[:size], ms)
            board.reset()
            old, new = holds(board, OLD), holds(board, NEW)
            assert old != new, (size, ms)
            seen.append(new)
            if new:
                put(board, OLD)
        assert False in seen[-25:] and True in seen[-25:], "the moment of the change is among them"
        put(board, OLD)
        assert "new0" not in board.exec("import os; print(os.listdir('/'))").stdout, "what was left is used and gone"
