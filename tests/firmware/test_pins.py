"""The emulated board's pins read what is on them, as a real one's do: what they drive, or what their pull does."""

import emulated


def test_pins_read_back():
    with emulated.Board() as board:
        result = board.exec("""
from machine import Pin
led = Pin(25, Pin.OUT, value=0)
print(led.value(), end=" ")
led.on()
print(led.value(), end=" ")
led.toggle()
print(led.value(), end=" ")
print(Pin(5, Pin.IN, Pin.PULL_UP).value(), Pin(5, Pin.IN, Pin.PULL_DOWN).value())
""")
    assert (result.stdout, result.stderr) == ("0 1 0 1 0\r\n", "")


def test_an_edge_that_the_program_makes_interrupts():
    with emulated.Board() as board:
        result = board.exec("""
from machine import Pin
import time
edges = []
pin = Pin(6, Pin.OUT, value=0)
pin.irq(lambda pin: edges.append(1), Pin.IRQ_RISING)
for _ in range(3):
    pin.on()
    time.sleep_ms(1)
    pin.off()
print(len(edges))
""")
    assert (result.stdout, result.stderr) == ("3\r\n", "")
