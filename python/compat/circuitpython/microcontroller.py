"""CircuitPython's microcontroller, as far as programs that serve need it. On the host, of its stand-in for machine."""

import time

import machine


class Processor:
    voltage = None  # nothing measures it

    @property
    def temperature(self):
        """Degrees Celsius, of the RP2040's own sensor (section 4.9.5 of its datasheet)."""
        return 27 - (machine.ADC(4).read_u16() * 3.3 / 65535 - 0.706) / 0.001721

    @property
    def frequency(self):
        """Hertz."""
        return machine.freq()

    @property
    def uid(self):
        return bytearray(machine.unique_id())


cpu = Processor()
cpus = (cpu,)


def delay_us(delay):
    time.sleep_us(delay)


def reset():
    """Start the board again; on the host, end the program."""
    machine.reset()
