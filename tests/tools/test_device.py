"""tools/device.py, flash.py and deploy.py without a board: what they look at, and what they say."""

import contextlib
import errno
import os
import pty
import struct
import sys
import threading
import time
from pathlib import Path

import pytest
from fake_debian import PROJECT

sys.path.append(str(PROJECT / "tools"))

import deploy  # noqa: E402
import device  # noqa: E402
import flash  # noqa: E402
from common import Refusal  # noqa: E402

INFO = "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"


def refusal(function, *arguments):
    with pytest.raises(Refusal) as refused:
        function(*arguments)
    return str(refused.value)


# ---- the serial port


def listing(monkeypatch, *lines):
    """Have mpremote list these ports."""
    monkeypatch.setattr(device, "mpremote_command", lambda *_: ["printf", "%s\n", *lines])


ADAPTER = "/dev/ttyUSB0 A50285BI 0403:6001 FTDI FT232R USB UART"
PICO = "/dev/ttyACM0 e6614c311b7e6f35 2e8a:0005 MicroPython Board in FS mode"
NOT_USB = "/dev/ttyS0 None 0000:0000 None None"


@pytest.mark.parametrize("lines, path", [
    ([NOT_USB, PICO], "/dev/ttyACM0"),
    ([PICO, ADAPTER], "/dev/ttyACM0"),
    ([ADAPTER], "/dev/ttyUSB0"),
])
def test_the_board_among_serial_ports(monkeypatch, lines, path):
    listing(monkeypatch, *lines)
    assert device.detected() == path


def test_no_board(monkeypatch):
    listing(monkeypatch, NOT_USB)
    assert refusal(device.find) == (
        "no board found: plug one in that runs MicroPython, or name its serial port, DEVICE=/dev/ttyACM0; "
        "make flash gives a new one modhttp")


def test_several_boards(monkeypatch):
    listing(monkeypatch, PICO, PICO.replace("ACM0", "ACM1"))
    assert refusal(device.find) == (
        "there are several boards: DEVICE= names the one that is meant, of /dev/ttyACM0, /dev/ttyACM1")


def test_a_port_that_is_not_there(monkeypatch):
    monkeypatch.setattr(device, "PLACES", ("/dev/nul?", "/dev/zer?"))
    assert refusal(device.find, "/dev/nowhere") == "DEVICE=/dev/nowhere is not there: there is /dev/null, /dev/zero"
    monkeypatch.setattr(device, "PLACES", ())
    assert refusal(device.find, "/dev/nowhere") == (
        "DEVICE=/dev/nowhere is not there: no serial port is; plug the board in")


def test_no_permission_names_the_group(monkeypatch):
    monkeypatch.setattr(device.os, "access", lambda path, mode: False)
    monkeypatch.setattr(device.getpass, "getuser", lambda: "me")
    monkeypatch.setattr(device.grp, "getgrgid", lambda number: type("Group", (), {"gr_name": "dialout"}))
    assert refusal(device.find, "/dev/null") == (
        "me may not use /dev/null, which belongs to the group dialout: sudo usermod -aG dialout me, then log in again")


@pytest.mark.parametrize("output, said", [
    ("mpremote: failed to access /dev/p (it may be in use by another program)",
     "/dev/p is in use by another program: end the REPL or serial monitor that has it open"),
    ("Traceback ...\nmpremote.transport.TransportError: could not enter raw repl",
     "no MicroPython answers at /dev/p: plug the board in again and try again, or, with BOOTSEL held, make flash"),
    ("mpremote: ROMFS is not enabled on this device",
     "the firmware of the board at /dev/p has no room for /rom: make flash gives it modhttp's"),
    ("mpremote: ROMFS0 partition not found on device",
     "the firmware of the board at /dev/p has no room for /rom: make flash gives it modhttp's"),
    ("mpremote: cp: x: No space left on device.", "the file system of the board at /dev/p is full"),
    ("one line\nmpremote: something new", "/dev/p: something new"),
    ("", "/dev/p: mpremote failed, and said nothing"),
])
def test_what_mpremote_says_is_one_line(monkeypatch, output, said):
    monkeypatch.setattr(device, "mpremote_command", lambda *_: ["sh", "-c", f"echo '{output}'; exit 1"])
    assert refusal(device.mpremote, "/dev/p", "exec", "x") == said


def test_a_board_that_stops_answering(monkeypatch):
    monkeypatch.setattr(device, "mpremote_command", lambda *_: ["sleep", "9"])
    with pytest.raises(Refusal, match="the board at /dev/p has stopped answering"):
        device.mpremote("/dev/p", "exec", "x", patience=0.1)


# ---- its program


BANNER = b"\r\nMicroPython v1.25.0 on x; y\r\nType \"help()\" for more information.\r\n>>> "
REBOOT = b"\r\nMPY: soft reboot\r\n"


@pytest.fixture
def restart():
    """restart(printed, seconds=5): what device.restart() makes of a board that prints this after a soft reset.

    With goes_on=True it prints until the test ends.
    """
    master, slave = pty.openpty()
    threads, chatter = [], threading.Event()

    def play(printed):
        while not os.read(master, 100).endswith(b"\x02"):
            pass
        os.write(master, BANNER)
        assert os.read(master, 1) == b"\x04"
        os.write(master, REBOOT + printed)
        while chatter.is_set():
            os.write(master, b"and more\r\n")
            time.sleep(0.01)

    def run(printed, seconds=5, goes_on=False):
        shown = []
        if goes_on:
            chatter.set()
        threads.append(threading.Thread(target=play, args=(printed,)))
        threads[-1].start()
        return device.restart(os.ttyname(slave), seconds, shown.append), "".join(shown)

    yield run
    chatter.clear()
    for thread in threads:
        thread.join()
    os.close(master)
    os.close(slave)


def test_a_program_that_ends(restart):
    state, shown = restart(b"all\r\n" + BANNER)
    assert state == "ended"
    assert shown.startswith("all\n\nMicroPython v1.25.0")


def test_a_program_that_raises(restart):
    assert restart(b"Traceback (most recent call last):\r\n  File \"main.py\"\r\nE:\r\n" + BANNER)[0] == "raised"


def test_a_program_that_prints_for_ever(restart):
    state, shown = restart(b"", seconds=0.5, goes_on=True)
    assert (state, "and more\nand more\n" in shown) == ("runs", True)


def test_a_board_that_is_unplugged():
    master, slave = pty.openpty()
    with device.Port(os.ttyname(slave)) as port:
        os.close(master)
        with pytest.raises(Refusal, match="is gone: plug it in again"):
            port.read_until(device.PROMPT, 5)
    os.close(slave)


def test_a_program_that_runs(restart):
    assert restart(b"it prints\r\n>>> \r\nand goes on", seconds=0.5) == ("runs", "it prints\n>>> \nand goes on")


# ---- what is deployed


def test_files_keep_their_place_beside_the_program(tmp_path):
    place, staged = tmp_path / "here", tmp_path / "staged"
    for name in ("here/app.py", "here/lib/a.py", "here/www/css/site.css", "here/www/.hidden", "elsewhere/data/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    staged.mkdir()
    names = [place / "lib/a.py", place / "www", tmp_path / "elsewhere/data"]
    assert [str(name) for name in deploy.stage(place / "app.py", names, staged)] == [
        "data/x.txt", "lib/a.py", "main.py", "www/css/site.css"]
    assert (staged / "main.py").read_text() == "here/app.py"


def test_only_the_program_is_main(tmp_path):
    for name in ("app.py", "main.py"):
        (tmp_path / name).touch()
    (tmp_path / "staged").mkdir()
    assert refusal(deploy.stage, tmp_path / "app.py", [tmp_path / "main.py"], tmp_path / "staged").endswith(
        "main.py would be main.py on the board, as the program is")


# ---- what is flashed, and where


def uf2(path, magic=flash.MAGIC[0], blocks=2, counted=2, family=flash.RP2040):
    header = struct.pack("<8I", magic, flash.MAGIC[1], 0x2000, 0x10000000, 256, 0, counted, family)
    path.write_bytes(header.ljust(512, b"\0") * blocks)
    return path


def test_firmware_is_checked(tmp_path):
    file = tmp_path / "a.uf2"
    flash.check(uf2(file))
    assert refusal(flash.check, uf2(file, family=0xE48BFF59)) == f"{file} is not for an RP2040"
    for damage in ({"magic": 0}, {"blocks": 1}, {"blocks": 0}):
        assert refusal(flash.check, uf2(file, **damage)) == f"{file} is not a whole UF2 file: make firmware builds one"


def test_the_release_comes_before_ones_own_build(monkeypatch, tmp_path):
    monkeypatch.setattr(flash.build, "ROOT", tmp_path)
    monkeypatch.setattr(flash.build, "firmware", lambda board: tmp_path / f"build/firmware/{board}.uf2")
    named, release = tmp_path / "my.uf2", tmp_path / "dist/MODHTTP_PICO.uf2"
    assert flash.firmware("", "MODHTTP_PICO") == tmp_path / "build/firmware/MODHTTP_PICO.uf2"
    release.parent.mkdir()
    release.touch()
    named.touch()
    assert flash.firmware("", "MODHTTP_PICO") == release
    assert flash.firmware(named, "MODHTTP_PICO") == named


@pytest.fixture
def system(monkeypatch, tmp_path):
    """A system without drives, and commands that only say how they were called."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "by-label").mkdir()
    (tmp_path / "mounts").write_text("proc /proc proc rw 0 0\n")
    monkeypatch.setattr(flash, "MOUNTS", tmp_path / "mounts")
    monkeypatch.setattr(flash, "LABELS", tmp_path / "by-label")
    monkeypatch.setattr(flash, "DESKTOP", 0.1)
    monkeypatch.setattr(flash, "PATIENCE", 0.5)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    return tmp_path


def drive(system, name="RPI RP2", info=INFO):
    (system / name).mkdir()
    (system / name / "INFO_UF2.TXT").write_text(info)
    return system / name


def add_mount(system, point, block="/dev/null"):
    with open(system / "mounts", "a") as file:
        file.write(f"{block} {str(point).replace(' ', chr(92) + '040')} vfat rw 0 0\n")


def command(system, name, script):
    (system / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (system / "bin" / name).chmod(0o755)


def test_a_drive_that_is_mounted(system):
    add_mount(system, drive(system, "camera", "Board-ID: something else\n"))
    assert flash.in_bootsel("") is None
    add_mount(system, drive(system))
    assert flash.in_bootsel("") == system / "RPI RP2"


def test_a_drive_that_is_named(system):
    (system / "empty").mkdir()
    assert flash.in_bootsel(system / "empty") is None
    assert flash.in_bootsel(drive(system)) == system / "RPI RP2"


def test_a_drive_that_is_gone(system):
    """Its mount point is left, and what was read from it."""
    add_mount(system, drive(system), block=system / "sda1")
    assert flash.in_bootsel("") is None
    assert flash.in_bootsel(system / "RPI RP2") is None
    (system / "sda1").touch()
    assert flash.in_bootsel("") == flash.in_bootsel(system / "RPI RP2") == system / "RPI RP2"


def test_a_drive_that_is_not_mounted(system):
    (system / "sda1").touch()
    (system / "by-label/RPI-RP2").symlink_to("../sda1")
    assert refusal(flash.in_bootsel, "") == (
        f"the board in BOOTSEL mode is {system}/sda1, which is not mounted: "
        f"sudo mount -o uid={os.getuid()} {system}/sda1 /mnt, then make flash DRIVE=/mnt")
    point = drive(system)
    line = f"/dev/null {str(point).replace(' ', chr(92) + '040')} vfat rw 0 0"
    command(system, "udisksctl", f'[ "$*" = "mount --no-user-interaction -b {system}/sda1" ] && '
                                 f"printf '%s\\n' '{line}' >> {system}/mounts")
    assert flash.in_bootsel("") == point


def test_picotool_needs_no_drive(system):
    command(system, "picotool", f'echo "$*" >> {system}/calls')
    assert flash.in_bootsel("") == "picotool"
    flash.copy(Path("x.uf2"), "picotool")
    assert (system / "calls").read_text() == "info\nload -x x.uf2\n"
    command(system, "picotool", "exit 1")
    assert flash.in_bootsel("") is None
    assert refusal(flash.copy, Path("x.uf2"), "picotool").startswith("picotool could not load x.uf2: ")


def test_a_bootloader_without_a_drive(system):
    assert refusal(flash.wait_for_drive, "") == (
        "the board has entered its bootloader, but there is no drive RPI-RP2: "
        "unplug it, plug it in with BOOTSEL held, and name where the drive is mounted, DRIVE=")


def test_nothing_to_flash(system, monkeypatch):
    listing(monkeypatch, NOT_USB)
    monkeypatch.setattr(device, "mpremote_command", lambda *_: ["/bin/true"])
    assert refusal(flash.enter_bootloader, "", "") == (
        "no board found: hold BOOTSEL while you plug it in, then try again; DEVICE= names the serial port "
        "of one that runs MicroPython, DRIVE= where one in BOOTSEL mode is mounted")


def test_a_copy_is_whole(system):
    source, place = uf2(system / "a.uf2"), drive(system)
    flash.copy(source, place)
    assert (place / "a.uf2").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("number, matters", [(errno.EIO, False), (errno.ENODEV, False), (errno.ENOSPC, True)])
def test_a_board_that_starts_before_its_drive_is_written(system, monkeypatch, number, matters):
    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(flash.os, "fsync", fail)
    with pytest.raises(Refusal, match="could not write to .*: No space left") if matters else contextlib.nullcontext():
        flash.copy(uf2(system / "a.uf2"), drive(system))
