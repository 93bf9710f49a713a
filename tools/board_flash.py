"""The flash of a board that has files on it, as the emulator's --flash takes it. For Python tools of the venv."""

from pathlib import Path

from littlefs import LittleFS

# Bytes of the flash, and of the file system at its end (ports/rp2/boards/common/board.h).
FLASH, FILES = 2 << 20, 768 << 10


def image(files):
    """`files`: {name: bytes}."""
    system = LittleFS(block_size=4096, block_count=FILES // 4096, prog_size=256, disk_version=0x20000)
    for name, data in files.items():
        system.makedirs(str(Path(name).parent), exist_ok=True)
        with system.open(name, "wb") as file:
            file.write(data)
    return b"\xff" * (FLASH - FILES) + system.context.buffer
