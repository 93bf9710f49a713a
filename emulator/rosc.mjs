// The ring oscillator's registers (RP2040 datasheet, 2.17), for its random bit: from a seeded generator, so
// that code which insists on entropy runs, and runs the same way twice.

import { BasePeripheral } from './library.mjs';

const CTRL = 0x00, STATUS = 0x18, RANDOMBIT = 0x1c, COUNT = 0x20;
const STABLE_AND_ENABLED = 0x80001000;

export class Rosc extends BasePeripheral {
  constructor(mcu, seed) {
    super(mcu, 'ROSC');
    this.registers = new Map([[CTRL, 0xaa0]]);
    this.state = seed >>> 0 || 1;
  }

  // xorshift32
  nextBit() {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state & 1;
  }

  readUint32(offset) {
    if (offset === RANDOMBIT) return this.nextBit();
    if (offset === STATUS) return STABLE_AND_ENABLED;
    if (offset === COUNT) return 0;
    return this.registers.get(offset) ?? 0;
  }

  writeUint32(offset, value) {
    this.registers.set(offset, value);
  }
}
