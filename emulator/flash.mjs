// The 2 MB flash chip: contents, what erasing and programming cost in time (Winbond W25Q16JV's typical
// figures, section 9.6 of its datasheet), and the file that keeps it between runs.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

export const FLASH_SIZE = 2 * 1024 * 1024;

// ports/rp2/boards/common/board.h: firmware, ROMFS, file system.
const ROMFS_BASE = 0x100000;
const ROMFS_SIZE = 256 * 1024;

const SECTOR = 4096;
const BLOCK = 65536;
const PAGE = 256;
const SECTOR_ERASE_NANOS = 45e6;
const BLOCK_ERASE_NANOS = 150e6;
const PAGE_PROGRAM_NANOS = 0.4e6;
const SAVE_DELAY_MS = 200;

export class Flash {
  constructor(path = '') {
    this.bytes = new Uint8Array(FLASH_SIZE).fill(0xff);
    this.path = path;
    this.timer = null;
    this.dirty = false;
    this.erases = 0;                 // how often each was asked for
    this.programs = 0;
    if (path && existsSync(path)) this.load();
  }

  load() {
    const kept = readFileSync(this.path);
    if (kept.length !== FLASH_SIZE) {
      throw new Error(`${this.path}: ${kept.length} bytes, a flash image has ${FLASH_SIZE}; not touched`);
    }
    this.bytes.set(kept);
  }

  // A ROMFS image, put where the board looks for it.
  setRomfs(path) {
    const image = readFileSync(path);
    if (image.length > ROMFS_SIZE) throw new Error(`${path}: ${image.length} bytes, the board has ${ROMFS_SIZE} for ROMFS`);
    this.bytes.fill(0xff, ROMFS_BASE, ROMFS_BASE + ROMFS_SIZE);
    this.bytes.set(image, ROMFS_BASE);
    this.changed();
  }

  // Both return the time that the chip is busy, in nanoseconds.
  erase(offset, length) {
    const end = offset + length;
    let nanos = 0;
    this.check(offset, length, SECTOR);
    for (let at = offset; at < end;) {
      const whole = at % BLOCK === 0 && at + BLOCK <= end;
      nanos += whole ? BLOCK_ERASE_NANOS : SECTOR_ERASE_NANOS;
      at += whole ? BLOCK : SECTOR;
    }
    this.bytes.fill(0xff, offset, end);
    this.erases++;
    this.changed();
    return nanos;
  }

  program(offset, data) {
    this.check(offset, data.length, PAGE);
    for (let i = 0; i < data.length; i++) this.bytes[offset + i] &= data[i];
    this.programs++;
    this.changed();
    return (data.length / PAGE) * PAGE_PROGRAM_NANOS;
  }

  check(offset, length, unit) {
    if (offset % unit !== 0 || length % unit !== 0 || offset + length > FLASH_SIZE) {
      throw new RangeError(`flash operation on 0x${offset.toString(16)}, ${length} bytes`);
    }
  }

  changed() {
    this.dirty = true;
    if (this.path && this.timer === null) this.timer = setTimeout(() => this.save(), SAVE_DELAY_MS).unref();
  }

  // Atomically: a reader, or a crash, finds the old file or the new one.
  save() {
    clearTimeout(this.timer);
    this.timer = null;
    if (!this.path || !this.dirty) return;
    const temporary = `${this.path}.${process.pid}.tmp`;
    writeFileSync(temporary, this.bytes);
    renameSync(temporary, this.path);
    this.dirty = false;
  }
}
