// Firmware files: the UF2 that a user would flash, and the ELF beside it for symbols.

import { readFileSync } from 'node:fs';

const UF2_BLOCK = 512;
const UF2_MAGIC = [0x0a324655, 0x9e5d5157];
const UF2_NOT_FLASH = 1;
const XIP = 0x10000000;

// Whether all blocks are there that the first one counts: a file that is still being copied is shorter.
export function isWholeUf2(path) {
  const file = readFileSync(path);
  return file.length >= UF2_BLOCK && file.length === UF2_BLOCK * file.readUInt32LE(24);
}

// Writes the file's blocks into `flash`, as BOOTSEL mode would.
export function loadUf2(path, flash) {
  const file = readFileSync(path);
  if (file.length < UF2_BLOCK || file.length % UF2_BLOCK !== 0) throw new Error(`${path}: not a UF2 file`);
  for (let at = 0; at < file.length; at += UF2_BLOCK) {
    const [magic0, magic1, flags, address, length] = [0, 4, 8, 12, 16].map((offset) => file.readUInt32LE(at + offset));
    if (magic0 !== UF2_MAGIC[0] || magic1 !== UF2_MAGIC[1]) throw new Error(`${path}: block ${at / UF2_BLOCK} is not UF2`);
    if (flags & UF2_NOT_FLASH) continue;
    const offset = address - XIP;
    if (offset < 0 || offset + length > flash.length) {
      throw new Error(`${path}: address 0x${address.toString(16)} is outside of the flash`);
    }
    flash.set(file.subarray(at + 32, at + 32 + length), offset);
  }
}

const SEGMENT_LOAD = 1;

function readElf(path) {
  const file = readFileSync(path);
  if (file.length < 52 || file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 1) throw new Error(`${path}: not a 32-bit ELF file`);
  return file;
}

// Writes the segments of a 32-bit little-endian ELF into `memory`, which begins at `base`.
export function loadElf(path, memory, base) {
  const file = readElf(path);
  const table = file.readUInt32LE(28), size = file.readUInt16LE(42), count = file.readUInt16LE(44);
  for (let at = table; at < table + count * size; at += size) {
    const [type, offset, address, , length, room] = [0, 4, 8, 12, 16, 20].map((field) => file.readUInt32LE(at + field));
    if (type !== SEGMENT_LOAD || room === 0) continue;
    if (address < base || address + room > base + memory.length) throw new Error(`${path}: address 0x${address.toString(16)} is outside of the memory`);
    memory.set(file.subarray(offset, offset + length), address - base);
  }
}

const SECTION_SYMTAB = 2;
const TYPE_FUNCTION = 2;

// Reads a 32-bit little-endian ELF's functions. Returns a Symbols.
export function loadSymbols(path, prefix = '') {
  const file = readElf(path);
  const table = file.readUInt32LE(32), size = file.readUInt16LE(46), count = file.readUInt16LE(48);
  const section = (index) => {
    const at = table + index * size;
    const [type, , , offset, length, link] = [4, 8, 12, 16, 20, 24].map((field) => file.readUInt32LE(at + field));
    return { type, offset, length, link };
  };
  const functions = [];
  for (let index = 0; index < count; index++) {
    const symbols = section(index);
    if (symbols.type !== SECTION_SYMTAB) continue;
    const strings = section(symbols.link);
    for (let at = symbols.offset; at < symbols.offset + symbols.length; at += 16) {
      if ((file[at + 12] & 15) !== TYPE_FUNCTION) continue;
      const start = strings.offset + file.readUInt32LE(at);
      const name = prefix + file.toString('latin1', start, file.indexOf(0, start));
      functions.push({ name, address: file.readUInt32LE(at + 4) & ~1, size: file.readUInt32LE(at + 8) });
    }
  }
  return new Symbols(functions);
}

export class Symbols {
  constructor(functions) {
    this.sorted = functions.sort((a, b) => a.address - b.address || (a.name < b.name ? -1 : 1));
  }

  join(other) {
    return new Symbols([...this.sorted, ...other.sorted]);
  }

  // The function that holds an address, or null.
  find(address) {
    let low = 0, high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sorted[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    const found = this.sorted[low - 1];
    if (!found) return null;
    // Assembler gives no sizes: such a function goes on until the next.
    const end = found.size ? found.address + found.size : this.sorted[low]?.address ?? Infinity;
    return address < end ? found : null;
  }

  describe(address) {
    const found = this.find(address);
    const hex = `0x${(address >>> 0).toString(16).padStart(8, '0')}`;
    return found ? `${hex} (${found.name}+${address - found.address})` : hex;
  }
}
