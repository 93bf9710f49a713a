// What `run` and `repl` share: a paced board, its gateway, signals, and one orderly way out.

import { describeStop, makeBoard } from './board.mjs';
import { Gateway } from './gateway.mjs';
import { Pacer } from './pacer.mjs';

const OUTPUT_MS = 1000;          // for a reader of our output to take the rest of it

export class Session {
  constructor(values, gatewayCommand) {
    const { machine, flash, symbols } = makeBoard(values);
    Object.assign(this, { machine, flash, symbols, atExit: [], ended: false, serial: [] });
    this.pacer = new Pacer(machine, () => this.afterTurn());
    this.gateway = null;
    if (gatewayCommand.length > 0) this.connect(gatewayCommand);
    machine.onSerial = (bytes) => this.serial.push(Buffer.from(bytes));
    machine.onStop = () => this.onStop();
    machine.onWarning = (text) => process.stderr.write(`emulator: ${text}\n`);
    process.stdout.on('error', () => this.end(1));        // whoever read our output is gone
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => this.end(0));
  }

  connect(command) {
    const { machine } = this;
    this.gateway = new Gateway(command, {
      onData: (bytes) => {
        machine.uarts[0].receive(bytes);
        this.pacer.poke();
      },
      onEnd: (text, clean) => (clean ? this.end(0) : this.fail(text)),
    });
    machine.onUart = (byte) => this.gateway.send(byte);
  }

  // The board will not go on by itself.
  onStop() {
    this.fail(describeStop(this.machine, this.symbols));
  }

  // Bytes that the board printed, a turn's worth at a time.
  onSerial() {}

  afterTurn() {
    const { serial } = this;
    if (serial.length > 0) {
      this.serial = [];
      this.onSerial(serial.length === 1 ? serial[0] : Buffer.concat(serial));
    }
    this.gateway?.flush(this.machine.uarts[0].lineBytes);
  }

  type(bytes) {
    this.machine.type(bytes);
    this.pacer.poke();
  }

  fail(text) {
    if (this.ended) return;
    process.stderr.write(`emulator: ${text}\n`);
    this.end(1);
  }

  end(status) {
    if (this.ended) return;
    this.ended = true;
    this.pacer.stop();
    this.gateway?.end();
    for (const step of this.atExit) step();
    this.flash.save();
    setTimeout(() => process.exit(status), OUTPUT_MS);
    process.stdout.write('', () => process.exit(status));
  }
}
