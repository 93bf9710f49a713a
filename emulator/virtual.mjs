// A board in virtual time: nothing here knows the wall clock, so two runs are the same to the cycle.

import { createHash } from 'node:crypto';
import { describeStop, makeBoard } from './board.mjs';
import { RawRepl } from './rawrepl.mjs';
import { Network } from './tcp.mjs';

const BOOT_MS = 20_000;

export class VirtualBoard {
  constructor(values, options) {
    Object.assign(this, makeBoard(values, options));
    const { machine } = this;
    this.serial = '';                       // what the board printed outside of the raw REPL's protocol, until someone takes it
    this.stdout = this.stderr = '';         // of the program in the raw REPL
    this.warnings = [];
    this.hash = createHash('sha256');
    this.packets = 0;
    this.kept = null;                       // an array: the packets that the board sent, with their times, until someone takes them
    machine.onSerial = (bytes) => {
      if (this.repl.state === 'off') this.serial += Buffer.from(bytes).toString('latin1');
      else this.repl.receive(bytes);
    };
    machine.onReset = () => this.connect();
    machine.onWarning = (text) => this.warnings.push(text);
    this.connect();
  }

  // A new end of the wire and of the serial port, at the start and after a reset.
  connect() {
    this.network = new Network(this.machine);
    this.network.onPacket = (packet, outgoing) => {
      this.packets++;
      this.hash.update(packet);
      if (!outgoing) this.kept?.push({ at: this.milliseconds, packet });
    };
    this.repl = new RawRepl((bytes) => this.machine.type(bytes), {
      onOutput: (text) => { this.stdout += text.toString('latin1'); },
      onError: (text) => { this.stderr += text.toString('latin1'); },
    });
  }

  get milliseconds() {
    return this.machine.nanos / 1e6;
  }

  // Lets time pass until done() or for so many milliseconds; true if done. A stopped machine is an error.
  until(done, milliseconds) {
    const { machine } = this;
    const reached = done() || machine.run(machine.nanos + milliseconds * 1e6, done);
    if (machine.stopped) throw new Error(describeStop(machine, this.symbols));
    return reached;
  }

  require(done, milliseconds, what) {
    if (!this.until(done, milliseconds)) throw new Error(`${what} after ${milliseconds} ms`);
  }

  pass(milliseconds) {
    this.until(() => false, milliseconds);
  }

  // To the first prompt, whatever main.py there may be.
  boot() {
    this.require(() => this.machine.serialReady, BOOT_MS, 'no USB serial port');
  }

  // Starts a program in the raw REPL; returns when it runs or, with `wait`, when it has ended.
  exec(program, { wait = true, milliseconds = 10_000 } = {}) {
    this.stdout = this.stderr = '';
    this.repl.run(program);
    this.require(() => this.repl.state === 'output' || !this.repl.busy, milliseconds, 'the raw REPL did not take the program');
    if (wait) this.require(() => !this.repl.busy, milliseconds, 'the program has not ended');
  }

  takeSerial() {
    const text = this.serial;
    this.serial = '';
    return text;
  }

  digest() {
    return this.hash.copy().digest('hex').slice(0, 16);
  }
}
