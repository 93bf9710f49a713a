// An ARM Cortex-M0+ for rp2040js, in place of its own: the same peripherals around it, several times its
// speed, cycles after the Cortex-M0+ Technical Reference Manual (table 3-1; memory without wait states),
// and what its own leaves out: SEV, HardFault, PRIMASK while waiting, the cost of an exception.
//
// Instructions run in batches of `limit` cycles at most; `spent` counts the batch's cycles, `total` those of
// earlier batches. Anything that looks at the clock (every access to a peripheral) gets exact time.

import { Exceptions } from './exceptions.mjs';
import { execute } from './execute.mjs';
import { Fault } from './fault.mjs';

const RAM = 0x20000000;
const FLASH = 0x10000000;
const REGIONS = [1, 4, 5, 0xd, 0xe];   // flash, APB, AHB, SIO, the processor's own
const SP = 13;

export class Core extends Exceptions {
  constructor(mcu, clock, rom, flash) {
    super();
    this.mcu = mcu;
    this.clock = clock;
    this.onBreakpoint = (number) => { throw new Fault(`breakpoint ${number}`, this.pc); };
    this.profile = null;             // Map-like { add(address, cycles) }, slow: only while set
    this.R = new Int32Array(16);     // R[15] is unused: `pc` is the address of the next instruction
    this.pc = 0;
    this.n = 0;                      // negative flag: sign of n; zero flag: z === 0; overflow: sign of v
    this.z = 1;
    this.c = 0;
    this.v = 0;
    this.spent = 0;
    this.limit = 0;
    this.total = 0;
    const { buffer } = mcu.sram;
    this.ram8 = mcu.sram;
    this.ram16 = new Uint16Array(buffer);
    this.ram32 = new Int32Array(buffer);
    this.flash8 = flash;
    this.flash16 = new Uint16Array(flash.buffer, flash.byteOffset, flash.length >> 1);
    this.flash32 = new Int32Array(flash.buffer, flash.byteOffset, flash.length >> 2);
    this.rom16 = new Uint16Array(rom.buffer);
    this.R[SP] = mcu.readUint32(0);
    this.pc = mcu.readUint32(4) & ~1;
  }

  // rp2040js's divider adds its 8 cycles here; the waiting loop in the firmware spends them already.
  get cycles() {
    return this.total + this.spent;
  }

  set cycles(value) {
    void value;
  }

  codeAt(address) {
    switch (address >>> 28) {
      case 0: return this.rom16;
      case 1: return this.flash16;
      case 2: return this.ram16;
      default: throw new Fault('jump to an address without code', address);
    }
  }

  // ---- memory, the slow way: everything that is not plain RAM or flash in sight of execute()

  // Addresses with nothing behind them. What rp2040js lacks of the peripherals reads as ones instead.
  check(address, size, access) {
    if (address & (size - 1)) throw new Fault(`unaligned ${access} of ${size} bytes`, address);
    const region = address >>> 28;
    const known = region === 2 ? (address ^ RAM) >>> 0 < this.ram8.length : region === 0 ? address < this.rom16.length * 2
      : REGIONS.includes(region);
    if (!known) throw new Fault(`${access} where nothing is`, address);
  }

  read(address, size) {
    this.check(address, size, 'read');
    const { mcu } = this;
    const value = size === 4 ? mcu.readUint32(address) : size === 2 ? mcu.readUint16(address) : mcu.readUint8(address);
    return value | 0;
  }

  write(address, value, size) {
    this.check(address, size, 'write');
    if (address >>> 28 === 0 || address >>> 24 === FLASH >>> 24) return;   // ROM and XIP take no writes, and tell no one
    const { mcu } = this;
    if (size === 4) mcu.writeUint32(address, value >>> 0);
    else if (size === 2) mcu.writeUint16(address, value & 0xffff);
    else mcu.writeUint8(address, value & 0xff);
  }

  // After an access to a peripheral: the batch ends early if it raised an interrupt or set an alarm.
  afterAccess() {
    if (this.interruptsUpdated) this.limit = this.spent;
    else this.limit = Math.min(this.limit, this.spent + this.clock.cyclesUntil(this.clock.nextAlarm));
    return this.limit;
  }

  // The stack is in RAM; a stack pointer elsewhere has run away.
  stackIndex(address) {
    const offset = (address ^ RAM) >>> 0;
    if (offset >= this.ram8.length) throw new Fault('stack pointer outside of RAM', address);
    return offset >> 2;
  }

  // MSR, MRS and the barriers: the 32-bit instructions besides BL.
  system(i, j, at) {
    if ((i & 0xfff0) === 0xf380) {
      this.writeSpecial(j & 0xff, this.R[i & 15]);
    } else if (i === 0xf3ef) {
      this.R[(j >> 8) & 15] = this.readSpecial(j & 0xff);
    } else if (i !== 0xf3bf) {
      throw new Fault(`undefined instruction ${i.toString(16)} ${j.toString(16)}`, at);
    }
  }

  hint(number) {
    if (number === 2) {              // WFE
      if (this.eventRegistered) this.eventRegistered = false;
      else this.waiting = 'event';
    } else if (number === 3) {       // WFI
      this.waiting = 'interrupt';
      this.interruptsUpdated = true;
    } else if (number === 4) {       // SEV
      this.eventRegistered = true;
    }
  }
}

Core.prototype.execute = execute;
