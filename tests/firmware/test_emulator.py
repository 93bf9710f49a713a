"""The emulated board itself: what the firmware's tests stand on."""

import math
import struct

import pytest

import emulated


@pytest.fixture
def board():
    with emulated.Board() as board:
        yield board


def test_repl_greets_and_answers(board):
    assert "MicroPython v1.25.0" in board.expect(">>> ")
    board.type("6 * 7\r")
    assert board.expect(">>> ").splitlines() == ["6 * 7", "42", ">>> "]


def test_exec_tells_output_from_traceback(board):
    assert board.exec("print(1)\nprint(2)") == ("1\r\n2\r\n", "", True)
    failed = board.exec("print(3)\nraise ValueError('boo')")
    assert failed.stdout == "3\r\n"
    assert failed.stderr.endswith("ValueError: boo\r\n")


def test_first_program_may_keep_the_processor_to_itself(board):
    """For longer than the USB stack can do without."""
    assert board.exec("import modhttp\nprint(sum(range(9000)))").stdout == "40495500\r\n"


def test_program_longer_than_the_paste_window(board):
    lines = [f"x{i} = {i}" for i in range(400)]
    assert board.exec("\n".join([*lines, "print(x399)"])).stdout == "399\r\n"


def test_program_that_does_not_compile(board):
    assert "SyntaxError" in board.exec("if:\n" + "print(1)\n" * 500).stderr


@pytest.mark.parametrize("name", ["sqrt", "sin", "cos", "tan", "exp", "log", "atan"])
def test_float_functions(board, name):
    """The boot ROM's tables against this machine's libm."""
    points = [0.0625, 0.5, 1.0, 2.75, 12.5]
    program = f"import math, struct\nfor x in {points}: print(struct.pack('<f', math.{name}(x)).hex())"
    lines = board.exec(program).stdout.split()
    found = [struct.unpack("<f", bytes.fromhex(line))[0] for line in lines]
    assert found == pytest.approx([getattr(math, name)(x) for x in points], rel=3e-7, abs=3e-7)


def test_float_arithmetic_conversion_and_formatting(board):
    program = """
a, b = 1e10, 3.0
print(a / b, a - b, a * b, 1 / 3, -7 // 2.0, int(-2.9), int(1e9), round(2.5), float(12345678))
print(a > b, a == a, float("nan") == float("nan"), float("inf") > a, 1e38 * 10, -1e38 * 10)
print("%.3f %g %e" % (3.14159265, 1e-7, 123456.0))
"""
    assert board.exec(program).stdout.splitlines() == [
        "3.333333e+09 1e+10 3e+10 0.3333333 -4.0 -2 1000000000 2 1.234568e+07",
        "True True False True inf -inf",
        "3.142 1e-07 1.234560e+05",
    ]


def test_analog_inputs(board):
    """Channel 4 is the chip's temperature, near 27 degrees; the others swing around the middle."""
    program = """
from machine import ADC
print(27 - (ADC(4).read_u16() * 3.3 / 65535 - 0.706) / 0.001721, *(ADC(pin).read_u16() for pin in (26, 27, 28)))
"""
    temperature, *others = (float(word) for word in board.exec(program).stdout.split())
    assert 23 < temperature < 31
    assert len(set(others)) == 3 and all(16000 < value < 50000 for value in others)


def test_integer_division(board):
    """The hardware divider, both signs and its limits."""
    pairs = [(7, 2), (-7, 2), (7, -2), (-7, -2), (1073741823, -1), (-1073741824, 3), (0, 5), (1 << 40, 77),
             (-(1 << 40), 77)]
    program = f"for a, b in {pairs}: print(a // b, a % b)"
    assert board.exec(program).stdout.split() == [str(n) for a, b in pairs for n in divmod(a, b)]


def test_memory_functions_at_every_alignment(board):
    """The boot ROM's memcpy and memset, under slices and concatenation."""
    program = """
source = bytes(range(1, 80))
for start in range(4):
    for length in range(40):
        part = source[start:start + length]
        assert list(part) == list(range(start + 1, start + length + 1)), (start, length)
        for gap in range(4):
            joined = b"x" * gap + part
            assert joined[:gap] == b"x" * gap and joined[gap:] == part, (start, length, gap)
        assert not any(bytearray(length)) and set(b"y" * length) <= {121}
print("good")
"""
    assert board.exec(program) == ("good\r\n", "", True)


def test_time_passes_as_the_program_says(board):
    before = board.now
    board.exec("import time\ntime.sleep_ms(1500)")
    assert 1500 <= board.now - before < 1520
    elapsed = board.exec("import time\nt = time.ticks_us()\ntime.sleep_us(500)\n"
                         "print(time.ticks_diff(time.ticks_us(), t))")
    assert 500 <= int(elapsed.stdout) < 600


def test_timer_callbacks_are_on_time(board):
    program = """
import machine, time
seen = []
machine.Timer(period=10, callback=lambda t: seen.append(time.ticks_ms()))
time.sleep_ms(105)
print(len(seen), max(b - a for a, b in zip(seen, seen[1:])))
"""
    count, gap = board.exec(program).stdout.split()
    assert (int(count), int(gap)) == (10, 10)


def test_clock_speed_can_be_changed(board):
    program = """
import machine, time
for hertz in (48_000_000, 200_000_000, 125_000_000):
    machine.freq(hertz)
    start = time.ticks_us()
    for _ in range(1000): pass
    looped = time.ticks_diff(time.ticks_us(), start)
    time.sleep_ms(20)
    print(machine.freq(), looped, time.ticks_diff(time.ticks_us(), start) - looped)
"""
    rows = [[int(number) for number in line.split()] for line in board.exec(program).stdout.splitlines()]
    assert [row[0] for row in rows] == [48_000_000, 200_000_000, 125_000_000]
    slow, fast, normal = (row[1] for row in rows)
    assert slow / fast == pytest.approx(200 / 48, rel=0.1) and slow / normal == pytest.approx(125 / 48, rel=0.1)
    # sleep_ms() counts whole milliseconds, and then the board may have other work.
    assert all(19_000 < row[2] < 22_000 for row in rows)


def test_uart_sends_at_its_baud_rate(board):
    program = """
import machine, time
uart = machine.UART(1, 9600, txbuf=256)
start = time.ticks_us()
uart.write(bytes(100))
uart.flush()
print(time.ticks_diff(time.ticks_us(), start))
"""
    assert int(board.exec(program).stdout) == pytest.approx(100 * 10 / 9600 * 1e6, rel=0.05)


def test_dma_is_paced_by_the_uart(board):
    program = """
import machine, rp2, time
uart = machine.UART(1, 115200)
dma = rp2.DMA()
machine.mem32[0x40038048] |= 2
start = time.ticks_us()
dma.config(read=bytes(1000), write=0x40038000, count=1000,
           ctrl=dma.pack_ctrl(size=0, inc_write=False, treq_sel=22), trigger=True)
while dma.active(): pass
print(time.ticks_diff(time.ticks_us(), start))
"""
    # All but what still waits in the FIFO and the shifter.
    assert int(board.exec(program).stdout) == pytest.approx((1000 - 33) * 10 / 115200 * 1e6, rel=0.05)


def test_idle_board_sleeps(board):
    board.expect(">>> ")
    before = board.stats()["cycles"]
    board.run(10_000)
    assert board.stats()["cycles"] - before < 10_000 * 125  # a hundredth of the time at 12.5 MHz


def test_interrupt_ends_a_loop(board):
    board.start("while True: pass")
    board.run(20)
    assert "KeyboardInterrupt" in board.interrupt().stderr


def test_input_reaches_the_program(board):
    board.start("print('hello', input('name? '))")
    board.run(10)
    board.type("you\r")
    assert board.wait().stdout.endswith("hello you\r\n")


def test_soft_reset(board):
    board.exec("here = 1")
    board.type("\x02")
    board.expect(">>> ")
    board.type("\x04")
    assert "soft reboot" in board.expect("soft reboot")
    board.expect(">>> ")
    assert "NameError" in board.exec("print(here)").stderr
    assert board.stats()["boots"] == 1


def test_machine_reset_boots_again(board):
    board.exec("with open('/kept', 'w') as f: f.write('still here')")
    board.start("import machine\nmachine.reset()")
    board.run(200)
    assert board.stats()["boots"] == 2
    told = board.exec("import machine\nprint(open('/kept').read(), machine.reset_cause() == machine.WDT_RESET)")
    assert told.stdout == "still here True\r\n"


def test_watchdog_resets_a_hung_board(board):
    board.start("import machine\nmachine.WDT(timeout=300)\nwhile True: pass")
    board.run(250)
    assert board.stats()["boots"] == 1
    board.run(150)
    assert board.stats()["boots"] == 2


def test_system_exit_leaves_the_board_usable(board):
    assert board.exec("import sys\nprint(1)\nsys.exit()") == ("1\r\n", "", True)
    assert board.exec("print(2)").stdout == "2\r\n"


def test_flash_file_outlives_the_emulator(tmp_path):
    flash = tmp_path / "flash.bin"
    with emulated.Board(flash=flash) as board:
        board.exec("with open('note.txt', 'w') as f: f.write('x' * 5000)")
    assert flash.stat().st_size == 2 * 1024 * 1024
    with emulated.Board(flash=flash) as board:
        assert board.exec("print(len(open('note.txt').read()))").stdout == "5000\r\n"


def test_flash_file_of_another_size_is_refused(tmp_path):
    flash = tmp_path / "not-a-flash"
    flash.write_bytes(b"precious")
    with pytest.raises(emulated.EmulatorError):
        emulated.Board(flash=flash)
    assert flash.read_bytes() == b"precious"


def test_flash_takes_its_time(board):
    before = board.now
    erases = board.stats()["erases"]
    board.exec("import rp2\nrp2.Flash().ioctl(6, 5)")
    assert board.stats()["erases"] == erases + 1
    assert 45 <= board.now - before < 60


def test_hard_fault_is_reported_with_its_place(board):
    with pytest.raises(emulated.EmulatorError, match=r"HardFault: write where nothing is at 0x[0-9a-f]+ \(\w+\+\d+\)"):
        board.exec("import machine\nmachine.mem32[0x30000000] = 1")


def test_bootsel_is_reported(board):
    with pytest.raises(emulated.EmulatorError, match="BOOTSEL"):
        board.exec("import machine\nmachine.bootloader()")


def test_unanswered_and_refused_connections(board):
    assert board.connect(81).state == "reset"


def test_two_runs_are_the_same_to_the_cycle():
    def once():
        with emulated.Board() as board:
            board.start("import modhttp\napp = modhttp.Server()\n"
                        "@app.get('/')\ndef index(request):\n    return 'hello'\napp.run()")
            board.run(100)
            answers = [board.get() for _ in range(3)]
            stats = board.stats()
            return answers, stats["cycles"], stats["packets"], stats["digest"], board.now

    first, second = once(), once()
    assert first[0][0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert first == second


def test_random_numbers_follow_the_seed():
    def numbers(seed):
        with emulated.Board(seed=seed) as board:
            return board.exec("import os\nprint(os.urandom(16).hex())").stdout

    assert numbers(1) == numbers(1) != numbers(2)
