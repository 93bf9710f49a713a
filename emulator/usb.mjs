// The USB host at the other end of the board's serial port, and what rp2040js's device controller lacks for it.

import { USBCDC } from './library.mjs';

const PACKET = 64;
const SOF_RD = 0x48, INTE = 0x90;
const DEV_SOF = 1 << 17;
const FRAME_NANOS = 1e6;

export class SerialHost {
  constructor(mcu, onData) {
    this.usb = mcu.usbCtrl;
    this.open = false;               // the port is configured and open
    this.ready = false;              // and the firmware has settled: see sendFrames()
    this.queue = [];                 // typed, not yet fetched by the board
    this.room = 0;                   // what the board's OUT endpoint will take
    this.cdc = new USBCDC(this.usb);
    this.cdc.onDeviceConnected = () => { this.open = true; };
    this.cdc.onSerialData = onData;
    this.answerWithDataOnly();
    this.sendFrames(mcu.clock);
  }

  // rp2040js answers each OUT buffer at once, if need be with an empty packet, which keeps TinyUSB busy for
  // ever. A real host sends when it has something.
  answerWithDataOnly() {
    this.usb.onEndpointRead = (endpoint, size) => {
      if (endpoint !== this.cdc.outEndpoint) return;
      this.room = size;
      this.send();
    };
  }

  // Start-of-frame interrupts each millisecond (datasheet, 4.1.4), while the firmware wants any: MicroPython prints its
  // banner on the sixteenth after the port was opened. A program that began before, and let TinyUSB's queue of sixteen
  // events run over, would never print again. No real host is that quick.
  sendFrames(clock) {
    const { usb } = this;
    const write = usb.writeUint32.bind(usb), read = usb.readUint32.bind(usb);
    let running = false;
    const scheduleFrame = () => alarm.schedule((Math.floor(clock.nanos / FRAME_NANOS) + 1) * FRAME_NANOS - clock.nanos);
    const alarm = clock.createAlarm(() => {
      running = (usb.intEnable & DEV_SOF) !== 0;
      if (!running) {
        this.ready = this.open;
        this.send();
        return;
      }
      usb.intRaw |= DEV_SOF;
      usb.checkInterrupts();
      scheduleFrame();
    });
    usb.writeUint32 = (offset, value) => {
      write(offset, value);
      if (offset !== INTE || running || !(usb.intEnable & DEV_SOF)) return;
      running = true;
      scheduleFrame();
    };
    usb.readUint32 = (offset) => {
      if (offset !== SOF_RD) return read(offset);
      usb.intRaw &= ~DEV_SOF;
      usb.checkInterrupts();
      return Math.floor(clock.nanos / FRAME_NANOS) & 0x7ff;
    };
  }

  type(bytes) {
    for (const byte of bytes) this.queue.push(byte);
    this.send();
  }

  // What is typed earlier waits: its events are more for that queue.
  send() {
    if (!this.ready || this.room === 0 || this.queue.length === 0) return;
    const packet = this.queue.splice(0, Math.min(this.room, PACKET));
    this.room = 0;
    this.usb.endpointReadDone(this.cdc.outEndpoint, Uint8Array.from(packet));
  }
}
