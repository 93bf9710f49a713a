// What core 0 sees of core 1, which is not emulated: the FIFO between them (RP2040 datasheet, 2.3.1.4) and the
// boot ROM on its far end, which announces itself after a reset with a 0 and echoes the launch sequence (2.8.2).
// A launched program never runs there; `onLaunch` is told.

const FIFO_ST = 0x50, FIFO_WR = 0x54, FIFO_RD = 0x58;
const VALID = 1 << 0, READY = 1 << 1;
const PSM = 0x40010;
const FRCE_OFF = 0x04;
const PROC1 = 1 << 16;
const LAUNCH_WORDS = 6;          // 0, 0, 1, vector table, stack pointer, entry point

export function installCore1(mcu, onLaunch) {
  const { sio } = mcu;
  const fifo = [];
  let position = 0;
  const read = sio.readUint32.bind(sio);
  const write = sio.writeUint32.bind(sio);

  sio.readUint32 = (offset) => {
    if (offset === FIFO_ST) return READY | (fifo.length > 0 ? VALID : 0);
    if (offset === FIFO_RD) return fifo.shift() ?? 0;
    return read(offset);
  };

  sio.writeUint32 = (offset, value) => {
    if (offset === FIFO_ST) return undefined;
    if (offset !== FIFO_WR) return write(offset, value);
    position = value === 0 && position !== 1 ? 1 : position + 1;
    if (position === LAUNCH_WORDS) onLaunch();
    mcu.core.eventRegistered = true;
    return fifo.push(value);
  };

  const psm = mcu.peripherals[PSM];
  const writePsm = psm.writeUint32.bind(psm);
  let held = false;
  psm.writeUint32 = (offset, value) => {
    writePsm(offset, value);
    if (offset !== FRCE_OFF) return;
    const hold = (value & PROC1) !== 0;
    if (held && !hold) {
      fifo.push(0);
      position = 0;
    }
    held = hold;
  };
}
