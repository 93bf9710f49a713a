// Exceptions of the Cortex-M0+: priorities, entry, return, special registers (ARMv6-M Architecture Reference
// Manual, B1.5 and B1.4). The field names are those that rp2040js's NVIC and SysTick (its PPB) work on.

const HARD_FAULT = 3;
const SVCALL = 11;
const PENDSV = 14;
const SYSTICK = 15;
const FIRST_IRQ = 16;
const THREAD_PRIORITY = 4;
const SOFTWARE_IRQS = 0xfc000000 | 0;   // 26 to 31 have no line on the RP2040: pending until taken

const ENTRY_CYCLES = 15;
const RETURN_CYCLES = 13;

const SP = 13;
const LR = 14;

export class Exceptions {
  constructor() {
    this.IPSR = 0;                   // number of the active exception, 0 in thread mode
    this.primask = 0;
    this.control = 0;                // bit 1: thread mode uses the process stack
    this.otherSP = 0;                // the stack pointer not in use
    this.eventRegistered = false;
    this.waiting = '';               // 'event' after WFE, 'interrupt' after WFI
    this.interruptsUpdated = false;  // something changed: checkInterrupts() has work
    this.pendingInterrupts = 0;
    this.enabledInterrupts = 0;
    this.interruptPriorities = [-1, 0, 0, 0];
    this.pendingNMI = false;
    this.pendingPendSV = false;
    this.pendingSVCall = false;
    this.pendingSystick = false;
    this.VTOR = 0;
    this.SHPR2 = 0;
    this.SHPR3 = 0;
  }

  // Called by the peripherals: the level of an interrupt line.
  setInterrupt(irq, value) {
    const bit = 1 << irq;
    if (value) {
      if (this.pendingInterrupts & bit) return;
      this.pendingInterrupts |= bit;
      this.interruptsUpdated = true;
    } else {
      this.pendingInterrupts &= ~bit;
    }
  }

  priorityOf(exception) {
    switch (exception) {
      case 0: return THREAD_PRIORITY;
      case 2: return -2;
      case HARD_FAULT: return -1;
      case SVCALL: return this.SHPR2 >>> 30;
      case PENDSV: return (this.SHPR3 >>> 22) & 3;
      case SYSTICK: return this.SHPR3 >>> 30;
      default: {
        const bit = 1 << (exception - FIRST_IRQ);
        return this.interruptPriorities.findIndex((irqs) => irqs & bit);
      }
    }
  }

  // The pending exception that comes first, 0 if none.
  get vectPending() {
    return this.pendingBelow(THREAD_PRIORITY, -1);
  }

  // The pending exception of the best priority that is better than `priority`, 0 if none.
  pendingBelow(priority, enabled = this.enabledInterrupts) {
    const irqs = this.pendingInterrupts & enabled;
    for (let level = 0; level < priority; level++) {
      if (this.pendingSVCall && this.priorityOf(SVCALL) === level) return SVCALL;
      if (this.pendingPendSV && this.priorityOf(PENDSV) === level) return PENDSV;
      if (this.pendingSystick && this.priorityOf(SYSTICK) === level) return SYSTICK;
      const candidates = irqs & this.interruptPriorities[level];
      if (candidates !== 0) return FIRST_IRQ + 31 - Math.clz32(candidates & -candidates);
    }
    return 0;
  }

  // Between instructions: takes the exception that is due, if any, and ends a wait that is over.
  checkInterrupts() {
    this.interruptsUpdated = false;
    const active = this.priorityOf(this.IPSR);
    const due = this.pendingBelow(active);
    if (due === 0) return;
    if (this.primask) {
      if (this.waiting === 'interrupt') this.waiting = '';
      return;
    }
    this.waiting = '';
    this.clearPending(due);
    this.enter(due);
  }

  clearPending(exception) {
    if (exception === SVCALL) this.pendingSVCall = false;
    else if (exception === PENDSV) this.pendingPendSV = false;
    else if (exception === SYSTICK) this.pendingSystick = false;
    else this.pendingInterrupts &= ~((1 << (exception - FIRST_IRQ)) & SOFTWARE_IRQS);
  }

  get usesProcessStack() {
    return this.IPSR === 0 && (this.control & 2) !== 0;
  }

  swapStacks() {
    const { R } = this;
    const other = this.otherSP;
    this.otherSP = R[SP];
    R[SP] = other;
  }

  get flags() {
    return (this.n < 0 ? 1 << 31 : 0) | (this.z === 0 ? 1 << 30 : 0) | (this.c << 29) | (this.v < 0 ? 1 << 28 : 0);
  }

  set flags(value) {
    this.n = value;
    this.z = value & (1 << 30) ? 0 : 1;
    this.c = (value >>> 29) & 1;
    this.v = value << 3;
  }

  enter(exception) {
    const { R } = this;
    const process = this.usesProcessStack;
    const aligned = R[SP] & 4 ? 1 : 0;
    const frame = (R[SP] - 0x20) & ~4;
    const saved = [R[0], R[1], R[2], R[3], R[12], R[LR], this.pc, this.flags | (1 << 24) | (aligned << 9) | this.IPSR];
    saved.forEach((word, index) => { this.ram32[this.stackIndex(frame + index * 4)] = word; });
    R[SP] = frame;
    R[LR] = this.IPSR !== 0 ? 0xfffffff1 : process ? 0xfffffffd : 0xfffffff9;
    if (process) this.swapStacks();
    this.IPSR = exception;
    this.eventRegistered = true;
    this.pc = this.read(this.VTOR + exception * 4, 4) & ~1;
    this.spent += ENTRY_CYCLES;
  }

  exceptionReturn(code) {
    const { R } = this;
    const process = (code & 15) === 13;
    this.IPSR = 0;
    if (process) this.swapStacks();
    const frame = R[SP];
    const word = (index) => this.ram32[this.stackIndex(frame + index * 4)];
    for (let k = 0; k < 4; k++) R[k] = word(k);
    R[12] = word(4);
    R[LR] = word(5);
    this.pc = word(6) & ~1;
    const status = word(7);
    R[SP] = frame + 0x20 + (status & (1 << 9) ? 4 : 0);
    this.flags = status;
    this.IPSR = status & 0x3f;
    this.spent += RETURN_CYCLES;
    this.eventRegistered = true;
    this.interruptsUpdated = true;
  }

  readSpecial(number) {
    switch (number) {
      case 0: return this.flags;
      case 1: case 2: case 3: return this.flags | this.IPSR;
      case 5: case 7: return this.IPSR;
      case 8: return this.usesProcessStack ? this.otherSP : this.R[SP];
      case 9: return this.usesProcessStack ? this.R[SP] : this.otherSP;
      case 16: return this.primask;
      case 20: return this.control;
      default: return 0;
    }
  }

  writeSpecial(number, value) {
    if (number <= 3) {
      this.flags = value;
    } else if (number === 8 || number === 9) {
      if ((number === 9) === this.usesProcessStack) this.R[SP] = value & ~3;
      else this.otherSP = value & ~3;
    } else if (number === 16) {
      this.primask = value & 1;
      this.interruptsUpdated = true;
    } else if (number === 20 && this.IPSR === 0) {
      if ((value ^ this.control) & 2) this.swapStacks();
      this.control = value & 3;
    }
  }
}
