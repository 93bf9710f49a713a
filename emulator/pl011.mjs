// The RP2040's UART (ARM PL011; RP2040 datasheet, section 4.2) at its real pace, in place of rp2040js's own,
// which has no transmit FIFO, no levels, no receive timeout, no overrun and no time.
//
// The far end: receive(bytes) puts bytes on the RX line, which brings them in one frame time after another;
// onTransmit(byte) gets each byte when it has left TX. With `instant` TX takes no time.

import { BasePeripheral } from './library.mjs';

const FIFO_DEPTH = 32;
const TIMEOUT_BITS = 32;
const LEVELS = [1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8];

const DR = 0x00, RSR = 0x04, FR = 0x18, ILPR = 0x20, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2c, CR = 0x30;
const IFLS = 0x34, IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44, DMACR = 0x48;
const IDENTITY = { 0xfe0: 0x11, 0xfe4: 0x10, 0xfe8: 0x34, 0xfec: 0, 0xff0: 0x0d, 0xff4: 0xf0, 0xff8: 0x05, 0xffc: 0xb1 };

const INT_RX = 1 << 4, INT_TX = 1 << 5, INT_TIMEOUT = 1 << 6, INT_OVERRUN = 1 << 10;
const ENABLE = 1 << 0, TX_ENABLE = 1 << 8, RX_ENABLE = 1 << 9;
const FR_BUSY = 1 << 3, FR_RX_EMPTY = 1 << 4, FR_TX_FULL = 1 << 5, FR_RX_FULL = 1 << 6, FR_TX_EMPTY = 1 << 7;

export class Pl011 extends BasePeripheral {
  constructor(mcu, name, { irq, dreqTx, dreqRx, instant = false }) {
    super(mcu, name);
    Object.assign(this, { irq, dreqTx, dreqRx, instant });
    this.line = [];                    // bytes on their way in
    this.lineAt = 0;                   // index of the next of them
    this.overruns = 0;
    this.onTransmit = () => {};
    this.onReceived = () => {};        // the line is empty: the last byte is in the FIFO
    this.rxAlarm = mcu.clock.createAlarm(() => this.byteArrived());
    this.txAlarm = mcu.clock.createAlarm(() => this.byteSent());
    this.timeoutAlarm = mcu.clock.createAlarm(() => this.raise(INT_TIMEOUT));
    this.reset();
  }

  // What RESETS does to the block. The line outside goes on.
  reset() {
    Object.assign(this, { ibrd: 0, fbrd: 0, lcr: 0, control: TX_ENABLE | RX_ENABLE, levels: 0x12, mask: 0, status: 0, dma: 0 });
    this.rx = [];
    this.tx = [];
    this.shifting = -1;                // the byte that is leaving
    this.overrun = false;
    this.txAlarm?.cancel();
    this.timeoutAlarm?.cancel();
    this.update();
  }

  get depth() {
    return this.lcr & (1 << 4) ? FIFO_DEPTH : 1;
  }

  get bitNanos() {
    const divider = this.ibrd + this.fbrd / 64;
    return (divider * 16 * 1e9) / this.rp2040.clkPeri;
  }

  get frameNanos() {
    const data = 5 + ((this.lcr >> 5) & 3), parity = (this.lcr >> 1) & 1, stop = this.lcr & (1 << 3) ? 2 : 1;
    return (1 + data + parity + stop) * this.bitNanos;
  }

  get baudRate() {
    return this.ibrd === 0 ? 0 : 1e9 / this.bitNanos;
  }

  get receiving() {
    return (this.control & (ENABLE | RX_ENABLE)) === (ENABLE | RX_ENABLE) && this.ibrd !== 0;
  }

  level(field) {
    return this.depth === 1 ? 1 : Math.round(LEVELS[Math.min(field & 7, 4)] * FIFO_DEPTH);
  }

  // rp2040js tells of a new clk_peri; every frame's time is computed from it anyway.
  clkPeriChanged() {}

  // ---- receiving

  receive(bytes) {
    const idle = this.lineAt === this.line.length;
    if (idle) {
      this.line = [];
      this.lineAt = 0;
    }
    for (const byte of bytes) this.line.push(byte);
    if (idle && this.line.length > 0) this.scheduleArrival();
  }

  get lineBytes() {
    return this.line.length - this.lineAt;
  }

  // Without a baud rate the bytes still pass by, unheard.
  scheduleArrival() {
    this.rxAlarm.schedule(this.ibrd === 0 ? 10_000 : this.frameNanos);
  }

  byteArrived() {
    const byte = this.line[this.lineAt++];
    if (this.lineAt < this.line.length) this.scheduleArrival();
    if (this.receiving) this.store(byte);
    if (this.lineAt === this.line.length) this.onReceived();
  }

  store(byte) {
    if (this.rx.length >= this.depth) {
      this.overrun = true;
      this.overruns++;
      this.raise(INT_OVERRUN);
      return;
    }
    this.rx.push(byte);
    if (this.rx.length >= this.level(this.levels >> 3)) this.status |= INT_RX;
    this.timeoutAlarm.schedule(TIMEOUT_BITS * this.bitNanos);
    this.update();
  }

  takeReceived() {
    if (this.rx.length === 0) return 0;
    const value = this.rx.shift() | (this.overrun ? 1 << 11 : 0);
    this.overrun = false;
    if (this.rx.length < this.level(this.levels >> 3)) this.status &= ~INT_RX;
    if (this.rx.length === 0) {
      this.status &= ~INT_TIMEOUT;
      this.timeoutAlarm.cancel();
    }
    this.update();
    return value;
  }

  // ---- sending

  send(byte) {
    if (!(this.control & ENABLE) || !(this.control & TX_ENABLE)) return;
    if (this.instant) {
      this.onTransmit(byte);
      this.status |= INT_TX;
    } else if (this.shifting < 0) {
      this.shifting = byte;
      this.txAlarm.schedule(this.frameNanos);
    } else if (this.tx.length < this.depth) {
      this.tx.push(byte);
      if (this.tx.length > this.level(this.levels)) this.status &= ~INT_TX;
    }
    this.update();
  }

  byteSent() {
    const byte = this.shifting;
    const before = this.tx.length;
    this.shifting = before > 0 ? this.tx.shift() : -1;
    if (this.shifting >= 0) this.txAlarm.schedule(this.frameNanos);
    const level = this.depth === 1 ? 0 : this.level(this.levels);
    if (before > level ? this.tx.length <= level : this.shifting < 0) this.status |= INT_TX;
    this.update();
    this.onTransmit(byte);
  }

  // ---- interrupts and DMA

  raise(bits) {
    this.status |= bits;
    this.update();
  }

  update() {
    const { rp2040, dma } = this;
    rp2040.setInterrupt(this.irq, (this.status & this.mask) !== 0);
    this.request(this.dreqRx, (dma & 1) !== 0 && this.rx.length > 0);
    this.request(this.dreqTx, (dma & 2) !== 0 && (this.control & ENABLE) !== 0 && this.tx.length < this.depth);
  }

  request(channel, wanted) {
    const { dma } = this.rp2040;
    if (wanted === !!dma.dreq[channel]) return;
    if (wanted) dma.setDREQ(channel);
    else dma.clearDREQ(channel);
  }

  get flags() {
    const { rx, tx, depth } = this;
    return (this.shifting >= 0 ? FR_BUSY : 0) | (rx.length === 0 ? FR_RX_EMPTY : 0) | (tx.length >= depth ? FR_TX_FULL : 0) |
      (rx.length >= depth ? FR_RX_FULL : 0) | (tx.length === 0 ? FR_TX_EMPTY : 0);
  }

  readUint32(offset) {
    switch (offset) {
      case DR: return this.takeReceived();
      case RSR: return this.overrun ? 1 << 3 : 0;
      case FR: return this.flags;
      case ILPR: return 0;
      case IBRD: return this.ibrd;
      case FBRD: return this.fbrd;
      case LCR_H: return this.lcr;
      case CR: return this.control;
      case IFLS: return this.levels;
      case IMSC: return this.mask;
      case RIS: return this.status;
      case MIS: return this.status & this.mask;
      case DMACR: return this.dma;
      default: return IDENTITY[offset] ?? super.readUint32(offset);
    }
  }

  writeUint32(offset, value) {
    switch (offset) {
      case DR: return this.send(value & 0xff);
      case RSR: this.overrun = false; return undefined;
      case IBRD: this.ibrd = value & 0xffff; return undefined;
      case FBRD: this.fbrd = value & 0x3f; return undefined;
      case LCR_H: this.lcr = value & 0xff; break;
      case CR: this.control = value & 0xff87; break;
      case IFLS: this.levels = value & 0x3f; break;
      case IMSC: this.mask = value & 0x7ff; break;
      case ICR: this.status &= ~this.rawWriteValue; break;
      case DMACR: this.dma = value & 7; break;
      default: return super.writeUint32(offset, value);
    }
    return this.update();
  }
}
