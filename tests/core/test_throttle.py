"""Clients whose logins failed: how long they wait, and who is forgotten."""

import pytest

CLIENTS, FREE, FORGET = 16, 3, 600_000


class Throttle:
    def __init__(self, core, now):
        self.lib, self.state, self.now = core.lib, core.ffi.new("mh_throttle_t *"), now

    def failed(self, client, times=1):
        for _ in range(times):
            self.lib.mh_throttle_failed(self.state, client, self.now & 0xffffffff)

    def passed(self, client):
        self.lib.mh_throttle_passed(self.state, client)

    def wait(self, client):
        return self.lib.mh_throttle_wait(self.state, client, self.now & 0xffffffff)


@pytest.fixture(params=[0, 0xffff0000], ids=["fresh", "clock turns over"])
def throttle(core, request):
    return Throttle(core, request.param)


def test_delays_double(throttle):
    waits = []
    for _ in range(12):
        throttle.failed(7)
        waits.append(throttle.wait(7))
    assert waits == [0] * FREE + [1000, 2000, 4000, 8000, 16000, 32000, 64000, 64000, 64000]
    throttle.now += 63_999
    assert throttle.wait(7) == 1
    throttle.now += 1
    assert throttle.wait(7) == 0
    throttle.failed(7)
    assert throttle.wait(7) == 64000
    assert throttle.wait(8) == 0 == throttle.wait(0), "others do not wait"


def test_failures_do_not_overflow(throttle):
    throttle.failed(7, 300)
    assert throttle.wait(7) == 64000


def test_who_got_in_is_forgotten(throttle):
    throttle.failed(1, 5)
    throttle.failed(2, 6)
    throttle.passed(1)
    throttle.passed(3)
    assert (throttle.wait(1), throttle.wait(2)) == (0, 4000)
    throttle.failed(1, 4)
    assert throttle.wait(1) == 1000


def test_forgotten_after_ten_minutes(throttle):
    throttle.failed(1, 9)
    throttle.now += FORGET
    throttle.failed(1)
    assert throttle.wait(1) == 64000
    throttle.now += FORGET + 1
    throttle.failed(1)
    assert throttle.wait(1) == 0


def test_oldest_makes_room(throttle):
    for client in range(CLIENTS):
        throttle.failed(client, 5)
        throttle.now += 1
    throttle.failed(0)
    throttle.failed(99, 4)
    assert throttle.wait(1) == 0, "the one that failed longest ago"
    assert throttle.wait(99) == 1000 and throttle.wait(0) == 4000
    assert all(throttle.wait(client) for client in range(2, CLIENTS))
    for client in range(1000, 3000):
        throttle.now += 1
        throttle.failed(client, 4)
    assert [throttle.wait(client) for client in (2998, 2999)] == [999, 1000]


def test_a_clock_that_has_been_round(throttle):
    """After 49.7 days nobody is made to wait but for who failed within the minute."""
    throttle.failed(1, 20)
    throttle.now += 2 ** 31
    assert throttle.wait(1) == 0
