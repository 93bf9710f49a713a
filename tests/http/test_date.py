"""Date (RFC 9110 section 6.6.1): in answers of Python and of C, when the clock is set."""

import datetime
import email.utils
import time

APP = """
import machine
import modhttp

app = modhttp.Server()

@app.get("/")
def index(request):
    return "here"

@app.get("/set")
def set_clock(request):
    machine.RTC().datetime((2026, 11, 21, 5, 23, 59, 57, 0))
    return "set"

app.run(port=80)
"""


def dates(wire):
    """Of an answer from Python, and of one from C."""
    for path in ("/", "/nowhere"):
        wire.get(path)
        yield wire.answer().headers["Date"]


def test_date(start, target):
    program = start(APP)
    with program.wire() as wire:
        if target != "rp2040":
            for date in dates(wire):
                assert abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()) < 3
            return
        assert list(dates(wire)) == [None, None], "a board does not know the time before it is told"
        wire.get("/set")
        wire.answer()
        midnight = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
        seen = []
        while not seen or seen[-1] < midnight:
            seen += [email.utils.parsedate_to_datetime(date) for date in dates(wire) if date]
        assert seen == sorted(seen)
        assert seen[0] >= midnight - datetime.timedelta(seconds=3)
        assert seen[-1] < midnight + datetime.timedelta(minutes=1)
