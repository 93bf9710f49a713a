// One RP2040 board: rp2040js's peripherals around our own core, clock and UARTs, a boot ROM, a flash chip,
// and a USB host that talks to the board's serial port.
//
// Time is the board's own: run(nanos) makes it pass, and nothing here looks at the wall clock.

import { readFileSync } from 'node:fs';
import { ConsoleLogger, GPIOPinState, LogLevel, RP2040 } from './library.mjs';
import { analogInputs } from './adc.mjs';
import { Clock } from './clock.mjs';
import { Core } from './core.mjs';
import { installCore1 } from './core1.mjs';
import { Fault } from './fault.mjs';
import { Pl011 } from './pl011.mjs';
import { Rosc } from './rosc.mjs';
import { SerialHost } from './usb.mjs';

// Addresses >> 12, the keys of rp2040js's table of peripherals.
const RESETS = 0x4000c;
const UARTS = [0x40034, 0x40038];
const WATCHDOG = 0x40058;
const ROSC = 0x40060;

const UART_OPTIONS = [{ irq: 20, dreqTx: 20, dreqRx: 21 }, { irq: 21, dreqTx: 22, dreqRx: 23 }];
const UART_RESET_BITS = [22, 23];

// BKPT numbers of bootrom/start.S.
const CALL = { NO_IMAGE: 0xe0, ERASE: 0xe1, PROGRAM: 0xe2, BOOTSEL: 0xe3, FAULT: 0xe4 };

// Callbacks, all optional: onSerial(Uint8Array), onUart(byte), onReset(), onStop(reason), onWarning(text).
export class Machine {
  constructor({ rom, flash, seed = 1, randombit, instantUart = false }) {
    this.rom = readFileSync(rom);
    this.flash = flash;
    this.seed = seed;
    this.randombit = randombit;
    this.instantUart = instantUart;
    this.onSerial = this.onUart = this.onReset = this.onStop = this.onWarning = () => {};
    this.uptime = 0;                  // of earlier boots, in nanoseconds
    this.boots = 0;
    this.pastCycles = 0;
    this.powerUp();
  }

  // ---- power and reset

  powerUp(watchdog = null) {
    const clock = this.clock = new Clock();
    clock.core = { spent: 0, total: 0, limit: 0 };
    const mcu = this.mcu = new RP2040(clock);
    mcu.logger = new ConsoleLogger(LogLevel.Error, false);
    this.installMemory(mcu);
    this.core = mcu.core = clock.core = new Core(mcu, clock, mcu.bootrom, this.flash.bytes);
    this.core.onBreakpoint = (number) => this.hypercall(number);
    mcu.addClockListener((hertz) => clock.setFrequency(hertz));
    this.installPeripherals(mcu, watchdog);
    this.serial = new SerialHost(mcu, (bytes) => this.onSerial(bytes));
    this.busyUntil = 0;               // the core stands still while the flash chip works
    this.stopped = '';                // why the machine will not go on
    this.bootsel = false;             // because it is in BOOTSEL mode
    this.restart = false;
    this.boots++;
  }

  installMemory(mcu) {
    const rom = new Uint8Array(65536);
    rom.set(this.rom);
    mcu.bootrom = new Uint32Array(rom.buffer);
    const { bytes } = this.flash;
    mcu.flash = bytes;
    mcu.flash16 = new Uint16Array(bytes.buffer);
    mcu.flashView = new DataView(bytes.buffer);
  }

  installPeripherals(mcu, watchdog) {
    mcu.adc.channelValues = analogInputs(() => this.nanos / 1e9);
    // A pad reads what is on its wire: what it drives itself, or what its pull does.
    for (const pin of mcu.gpio) {
      pin.addListener((state) => pin.setInputValue(state === GPIOPinState.High || state === GPIOPinState.InputPullUp));
    }
    this.uarts = UARTS.map((key, index) => {
      const uart = new Pl011(mcu, `UART${index}`, { ...UART_OPTIONS[index], instant: this.instantUart });
      mcu.peripherals[key] = mcu.uart[index] = uart;
      return uart;
    });
    this.uarts[0].onTransmit = (byte) => this.onUart(byte);
    mcu.peripherals[ROSC] = new Rosc(mcu, this.seed + this.boots, this.randombit);
    this.watchResets(mcu.peripherals[RESETS]);
    const dog = mcu.peripherals[WATCHDOG];
    dog.onWatchdogTrigger = () => {
      dog.timer.enable = false;       // else rp2040js would bark for ever at this very moment
      this.restart = true;
    };
    if (watchdog !== null) {
      dog.scratchData.set(watchdog.scratchData);
      dog.reason = watchdog.reason;
    }
    fixDivider(mcu.sio);
    installCore1(mcu, () => this.onWarning('core 1 is not emulated: the thread that was started there will not run'));
  }

  // rp2040js keeps the RESETS register without resetting anything; the UARTs are ours, so they are.
  watchResets(resets) {
    const write = resets.writeUint32.bind(resets);
    resets.writeUint32 = (offset, value) => {
      write(offset, value);
      if (offset !== 0) return;
      UART_RESET_BITS.forEach((bit, index) => { if (value & (1 << bit)) this.uarts[index].reset(); });
    };
  }

  reset() {
    const watchdog = this.mcu.peripherals[WATCHDOG];
    this.uptime += this.clock.nanos;
    this.pastCycles += this.core.cycles;
    const line = this.uarts[0].line.slice(this.uarts[0].lineAt);
    this.powerUp(watchdog);
    this.uarts[0].receive(line);
    this.onReset();
  }

  stop(reason) {
    if (this.stopped) return;
    this.stopped = reason;
    this.core.limit = 0;
    this.onStop(reason);
  }

  // ---- the USB serial port

  get serialReady() {
    return this.serial.ready;
  }

  type(bytes) {
    this.serial.type(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  // ---- what the boot ROM asks for

  hypercall(number) {
    const { core } = this;
    const [a, b, c] = core.R;
    switch (number) {
      case CALL.ERASE:
        return this.flashBusy(this.flash.erase(a, b));
      case CALL.PROGRAM: {
        const data = Uint8Array.from({ length: c }, (_, i) => core.read(b + i, 1));
        return this.flashBusy(this.flash.program(a, data));
      }
      case CALL.NO_IMAGE:
        return this.stop('the flash holds no bootable image');
      case CALL.BOOTSEL:
        this.bootsel = true;
        return this.stop('the board is in BOOTSEL mode');
      case CALL.FAULT:
        throw new Fault('exception before the firmware had set its vectors', core.pc);
      default:
        throw new Fault(`breakpoint ${number} (a panic, or a fault handler)`, core.pc);
    }
  }

  // Interrupts pend meanwhile, as on the chip, where code that runs from flash cannot go on either.
  flashBusy(nanos) {
    this.busyUntil = this.clock.nanos + nanos;
    this.core.interruptsUpdated = true;
  }

  // ---- time

  get nanos() {
    return this.uptime + this.clock.nanos;
  }

  // Cycles in which the processor did not sleep, of all boots.
  get cycles() {
    return this.pastCycles + this.core.cycles;
  }

  get idle() {
    return this.core.waiting !== '' || this.clock.base < this.busyUntil;
  }

  // Nanoseconds until the board will do something by itself; 0 while it runs.
  get idleNanos() {
    if (!this.idle) return 0;
    const wake = this.clock.base < this.busyUntil ? Math.min(this.busyUntil, this.clock.nextAlarm) : this.clock.nextAlarm;
    return Math.max(0, wake - this.clock.base);
  }

  // Lets time pass up to `until` (nanoseconds since the first boot), or until done() is true; done() is asked
  // after every batch of instructions.
  run(until, done = null) {
    while (!this.stopped && this.nanos < until) {
      try {
        this.step(until - this.uptime);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.core.fault = error;
        this.stop(`HardFault: ${error.message}`);
      }
      if (this.restart) this.reset();
      if (done !== null && done()) return true;
    }
    return done !== null && done();
  }

  step(until) {
    const { clock, core } = this;
    if (clock.fireDue()) return;    // whoever waits for what they did looks at it now, not after the sleep
    if (clock.base < this.busyUntil) {
      clock.sleepUntil(Math.min(this.busyUntil, clock.nextAlarm, until));
      return;
    }
    if (core.interruptsUpdated) core.checkInterrupts();
    const next = Math.min(clock.nextAlarm, until);
    if (core.waiting !== '') {
      clock.settle();
      clock.sleepUntil(next);
      return;
    }
    core.execute(clock.cyclesUntil(next));
    clock.settle();
  }
}

// Division by zero gives all ones or, for a negative dividend, one (datasheet 2.3.1.5); rp2040js confuses the
// signs. A quotient is a whole number.
function fixDivider(sio) {
  sio.updateHardwareDivider = (signed) => {
    const a = signed ? sio.divDividend | 0 : sio.divDividend >>> 0;
    const b = signed ? sio.divDivisor | 0 : sio.divDivisor >>> 0;
    sio.divQuotient = b === 0 ? (signed && a < 0 ? 1 : -1) : Math.trunc(a / b);
    sio.divRemainder = b === 0 ? a : a % b;
    sio.divCSR = 3;
  };
}
