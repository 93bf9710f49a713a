// A machine from command-line options, and the words for what stopped it.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Flash } from './flash.mjs';
import { loadSymbols, loadUf2, Symbols } from './image.mjs';
import { Machine } from './machine.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export const boardOptions = {
  uf2: { type: 'string', default: join(root, 'build', 'firmware', 'MODHTTP_PICO.uf2') },
  elf: { type: 'string' },
  rom: { type: 'string', default: join(root, 'build', 'emulator', 'bootrom.bin') },
  flash: { type: 'string', default: '' },
  romfs: { type: 'string', default: '' },
  seed: { type: 'string', default: '1' },
  randombit: { type: 'string', default: 'seeded' },
};

function need(path, what, command) {
  if (!existsSync(path)) throw new Error(`${path}: no ${what} there; "${command}" builds it`);
}

// Functions of the ELF files beside the firmware and the boot ROM; none where there is no such file.
function symbolsOf(values) {
  const read = (path, prefix) => (existsSync(path) ? loadSymbols(path, prefix) : new Symbols([]));
  return read(values.elf ?? values.uf2.replace(/\.uf2$/, '.elf'), '').join(read(values.rom.replace(/\.bin$/, '.elf'), 'rom:'));
}

// The board with its firmware, and the ROMFS image if there is one, flashed over what the flash file kept.
export function makeBoard(values, options = {}) {
  need(values.rom, 'boot ROM', 'make -C emulator/bootrom');
  need(values.uf2, 'firmware', 'make firmware');
  const flash = new Flash(values.flash);
  loadUf2(values.uf2, flash.bytes);
  if (values.romfs) flash.setRomfs(values.romfs);
  const machine = new Machine({ rom: values.rom, flash, seed: Number(values.seed), randombit: values.randombit, ...options });
  return { machine, flash, symbols: symbolsOf(values) };
}

export function describeStop(machine, symbols) {
  const { core, stopped } = machine;
  if (!core.fault) return stopped;
  return `${stopped} at ${symbols.describe(core.fault.at)}, called from ${symbols.describe(core.R[14] & ~1)}, ` +
    `address 0x${core.fault.address.toString(16)}, exception ${core.IPSR}`;
}
