"""The host's stand-in for the boards' machine module, so that programs run on both.

Pins and PWM remember what was written to them and have no wires; ADC inputs wander slowly, the temperature
sensor (input 4) around 27 degrees Celsius. Timer is as on rp2. reset() ends the program.
"""

import math
import time

from _host import Timer, reset  # noqa: F401
from umachine import *  # noqa: F403 (what the unix port has: mem8, idle, time_pulse_us, ...)

_levels = {}
_frequency = 125_000_000


class Pin:
    IN, OUT, OPEN_DRAIN, ALT = range(4)
    PULL_UP, PULL_DOWN = 1, 2
    IRQ_LOW_LEVEL, IRQ_HIGH_LEVEL, IRQ_FALLING, IRQ_RISING = 1, 2, 4, 8

    def __init__(self, id, mode=-1, pull=-1, *, value=None, alt=-1):
        self.id = id
        self.init(mode, pull, value=value, alt=alt)

    def init(self, mode=-1, pull=-1, *, value=None, alt=-1):
        if value is not None:
            self.value(value)
        elif self.id not in _levels:
            _levels[self.id] = int(pull == self.PULL_UP)

    def value(self, level=None):
        if level is None:
            return _levels[self.id]
        _levels[self.id] = int(bool(level))

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    high, low = on, off

    def toggle(self):
        self.value(not self.value())

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, *, hard=False):
        """Accepted; with nothing connected to the pin, the handler is never called."""

    def __repr__(self):
        return "Pin({!r})".format(self.id)


class PWM:
    def __init__(self, pin, *, freq=0, duty_u16=0):
        self.init(freq=freq, duty_u16=duty_u16)

    def init(self, *, freq=None, duty_u16=None):
        if freq is not None:
            self.freq(freq)
        if duty_u16 is not None:
            self.duty_u16(duty_u16)

    def deinit(self):
        self.duty_u16(0)

    def freq(self, hz=None):
        if hz is None:
            return self._freq
        self._freq = hz

    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self._duty = max(0, min(65535, value))


class ADC:
    CORE_TEMP = 4

    def __init__(self, channel):
        self._channel = channel.id - 26 if isinstance(channel, Pin) else channel

    def read_u16(self):
        wave = math.sin(time.ticks_ms() / 5000 + (self._channel or 0))
        if self._channel == self.CORE_TEMP:
            return int((0.706 - 3 * wave * 0.001721) / 3.3 * 65535)
        return int(32768 + 16384 * wave)


def unique_id():
    return b"modhttp\x00"


def freq(hz=None):
    global _frequency
    if hz is None:
        return _frequency
    _frequency = hz


soft_reset = reset
