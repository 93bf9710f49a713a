"""The board's flash: firmware, ROMFS and file system lie beside each other, and each stays where it is."""

import struct

import pytest

import emulated
import target as targets

ROMFS, FILES, END = 0x10100000, 0x10140000, 0x10200000

MAP = """
import rp2, uctypes, vfs
for area in (vfs.rom_ioctl(2, 0), rp2.Flash()):
    area = memoryview(area)
    print(hex(uctypes.addressof(area)), len(area))
"""

NAMES = "import os\nprint(sorted(os.listdir('/')), sorted(os.listdir('/rom')))"


def test_areas_adjoin():
    with emulated.Board() as board:
        assert board.exec(MAP).stdout.split() == [hex(ROMFS), str(FILES - ROMFS), hex(FILES), str(END - FILES)]


def test_the_firmware_ends_below_romfs():
    """The linker knows of the whole flash only."""
    blocks = emulated.FIRMWARE.read_bytes()
    ends = [sum(struct.unpack_from("<II", blocks, at + 12)) for at in range(0, len(blocks), 512)]
    assert 0x10040000 < max(ends) <= ROMFS


def test_an_image_stays_in_the_flash_until_another_comes(tmp_path):
    flash = tmp_path / "flash.bin"
    first = targets.image_of({"old.txt": b"1" * 100_000, "a.txt": b""}, tmp_path)

    def names(program=NAMES, **options):
        with emulated.Board(flash=flash, **options) as board:
            result = board.exec(program)
            assert result.stderr == ""
            return result.stdout.split("\r\n")[-2]

    assert names(f"open('kept', 'w').close()\n{NAMES}", romfs=first) == "['kept', 'rom'] ['a.txt', 'old.txt']"
    assert names() == "['kept', 'rom'] ['a.txt', 'old.txt']"
    second = targets.image_of({"new.txt": b"2"}, tmp_path)
    assert names(romfs=second) == "['kept', 'rom'] ['new.txt']"
    assert flash.read_bytes()[0x100000:].startswith(second.read_bytes() + b"\xff" * 1000)


def test_rom_is_there_after_a_soft_reset(tmp_path):
    with emulated.Board(romfs=targets.image_of({"a.txt": b"still"}, tmp_path)) as board:
        for _ in range(2):
            assert board.exec("print(open('/rom/a.txt').read())").stdout == "still\r\n"
            board.type("\x02\x04")  # out of the raw REPL, soft reset
            board.expect("soft reboot")
            board.expect(">>> ")


def test_an_image_that_is_too_large(tmp_path):
    image = tmp_path / "large.img"
    image.write_bytes(b"\xd2\xcd\x31" + bytes(FILES - ROMFS))
    with pytest.raises(emulated.EmulatorError):
        emulated.Board(romfs=image)
