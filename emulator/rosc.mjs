// The ring oscillator's registers (RP2040 datasheet, 2.17), for its random bit: from a seeded generator, so
// that code which insists on entropy runs, and runs the same way twice. Or broken, so that it can be seen to insist.

import { BasePeripheral } from './library.mjs';

const CTRL = 0x00, STATUS = 0x18, RANDOMBIT = 0x1c, COUNT = 0x20;
const STABLE_AND_ENABLED = 0x80001000;

// What RANDOMBIT reads, given the state before; the state's low bit is the bit.
const sources = {
  // xorshift32
  seeded(state) {
    state ^= state << 13;
    state ^= state >>> 17;
    return state ^ state << 5;
  },
  stuck: (state) => state,
  alternating: (state) => state ^ 1,
};

export class Rosc extends BasePeripheral {
  constructor(mcu, seed, source = 'seeded') {
    super(mcu, 'ROSC');
    if (!Object.hasOwn(sources, source)) throw new Error(`--randombit is one of ${Object.keys(sources).join(', ')}, not ${source}`);
    this.registers = new Map([[CTRL, 0xaa0]]);
    this.next = sources[source];
    this.state = seed >>> 0 || 1;
  }

  readUint32(offset) {
    if (offset === RANDOMBIT) return (this.state = this.next(this.state)) & 1;
    if (offset === STATUS) return STABLE_AND_ENABLED;
    if (offset === COUNT) return 0;
    return this.registers.get(offset) ?? 0;
  }

  writeUint32(offset, value) {
    this.registers.set(offset, value);
  }
}
