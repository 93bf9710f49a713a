// `script`: drives a board in virtual time by JSON lines, for tests. One request per line on standard input, one
// answer per line on standard output, in order:
//
//   {"do": "exec", "program": "print(1)"}  →  {"now": 12.5, "stdout": "1\r\n", "stderr": ""}
//   {"do": "nonsense"}                     →  {"now": 12.5, "error": "..."}
//
// "now" is the board's time in milliseconds since its first boot. Bytes travel as latin-1 strings. `ms` is how much
// virtual time a request may take (10000 unless given). The board's time stands still between requests.
//
//   boot                                   waits for the USB serial port
//   exec program [wait=true] [ms]          runs a program in the raw REPL → stdout, stderr; wait=false: until it runs
//   wait [ms]                              until that program has ended → stdout, stderr
//   output                                 what it printed so far → stdout, stderr, ended
//   interrupt [ms]                         Ctrl-C, then as wait
//   type text                              to the USB serial port
//   expect text [ms]                       until the serial port has printed text → text, all up to and with it
//   serial                                 takes what the serial port printed and no one expected → text
//   run ms                                 lets time pass
//   reset                                  a hard reset; connections are gone, flash is kept; then as boot
//   connect port [window=65535] [ms]       → connection, a number, and state: open, reset or opening (no answer)
//   send connection data                   queues data; [ms] given: until the board has acknowledged it all
//   recv connection [until] [bytes] [ms]   until that text has come, or so many bytes, or the end, else all there
//                                          is → data, state, finished (the board sent FIN)
//   close connection [ms=0]                sends FIN → state, finished
//   abort connection                       sends RST
//   packet data                            puts a raw IP packet on the line
//   sniff                                  starts keeping the packets that the board sends
//   packet_from [ms]                       takes the oldest of them, or waits for one → data, or null if none came in
//                                          time; at, when its last byte had come
//   stats                                  → cycles (awake), boots, packets, digest (of all packets), overruns (bytes
//                                          that the UART lost), erases and programs (flash), warnings
//   profile on                             starts counting; on=false → symbols: {name: cycles} since then
//   calls [names]                          starts counting how often functions are called; without → calls: {name: number}

import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { boardOptions } from './board.mjs';
import { Calls, Profile } from './profile.mjs';
import { VirtualBoard } from './virtual.mjs';

const DEFAULT_MS = 10_000;

class Script {
  constructor(values) {
    this.board = new VirtualBoard(values);
    this.connections = [];
  }

  connection(number) {
    const found = this.connections[number];
    if (!found) throw new Error(`no connection ${number}`);
    return found;
  }

  result() {
    const { stdout, stderr, repl } = this.board;
    return { stdout, stderr, ended: !repl.busy };
  }

  boot() {
    this.board.boot();
  }

  exec({ program, wait = true, ms = DEFAULT_MS }) {
    this.board.exec(program, { wait, milliseconds: ms });
    return this.result();
  }

  wait({ ms = DEFAULT_MS }) {
    this.board.require(() => !this.board.repl.busy, ms, 'the program has not ended');
    return this.result();
  }

  output() {
    return this.result();
  }

  interrupt({ ms = DEFAULT_MS }) {
    this.board.machine.type('\x03');
    return this.wait({ ms });
  }

  type({ text }) {
    this.board.machine.type(Buffer.from(text, 'latin1'));
  }

  expect({ text, ms = DEFAULT_MS }) {
    const { board } = this;
    if (!board.until(() => board.serial.includes(text), ms)) {
      throw new Error(`no ${JSON.stringify(text)} after ${ms} ms, but ${JSON.stringify(board.serial.slice(-500))}`);
    }
    const end = board.serial.indexOf(text) + text.length;
    const seen = board.serial.slice(0, end);
    board.serial = board.serial.slice(end);
    return { text: seen };
  }

  serial() {
    return { text: this.board.takeSerial() };
  }

  run({ ms }) {
    this.board.pass(ms);
  }

  reset() {
    this.board.machine.reset();
    this.connections = [];
    this.board.boot();
  }

  connect({ port, window, ms = DEFAULT_MS }) {
    const connection = this.board.network.connect(port, { window });
    this.board.until(() => connection.state !== 'opening', ms);
    this.connections.push(connection);
    return { connection: this.connections.length - 1, state: connection.state };
  }

  send({ connection, data, ms = 0 }) {
    const found = this.connection(connection);
    found.send(Buffer.from(data, 'latin1'));
    const done = () => found.queue.length === 0 || found.state === 'reset';
    if (ms > 0) this.board.require(done, ms, 'not all acknowledged');
    return { state: found.state };
  }

  recv({ connection, until = null, bytes = null, ms = DEFAULT_MS }) {
    const found = this.connection(connection);
    const ended = () => found.finished || found.state === 'reset';
    const enough = until !== null ? () => found.received.includes(until, 0, 'latin1')
      : bytes !== null ? () => found.received.length >= bytes : () => false;
    this.board.until(() => enough() || ended(), ms);
    const length = !enough() ? Infinity : bytes ?? found.received.indexOf(until, 0, 'latin1') + until.length;
    const data = found.read(length).toString('latin1');
    return { data, state: found.state, finished: found.finished };
  }

  close({ connection, ms = 0 }) {
    const found = this.connection(connection);
    found.finish();
    this.board.until(() => found.closed && (found.finished || found.state === 'reset'), ms);
    return { state: found.state, finished: found.finished };
  }

  abort({ connection }) {
    this.connection(connection).abort();
  }

  packet({ data }) {
    this.board.network.send(Buffer.from(data, 'latin1'));
  }

  sniff() {
    this.board.kept = [];
  }

  packet_from({ ms = DEFAULT_MS }) {
    const { board } = this;
    board.until(() => board.kept.length > 0, ms);
    const { at = null, packet = null } = board.kept.shift() ?? {};
    return { at, data: packet && packet.toString('latin1') };
  }

  stats() {
    const { machine, flash, packets, warnings } = this.board;
    return {
      cycles: machine.cycles, boots: machine.boots, packets, digest: this.board.digest(),
      overruns: machine.uarts[0].overruns, erases: flash.erases, programs: flash.programs, warnings,
    };
  }

  profile({ on = true }) {
    const { core } = this.board.machine;
    if (on) {
      core.profile = new Profile(this.board.symbols);
      return {};
    }
    const symbols = Object.fromEntries(core.profile.bySymbol());
    core.profile = null;
    return { symbols };
  }

  calls({ names = null }) {
    const { core } = this.board.machine;
    const calls = core.profile?.counts;
    core.profile = names && new Calls(this.board.symbols, names);
    return names ? {} : { calls };
  }
}

const requests = new Set(Object.getOwnPropertyNames(Script.prototype).filter((name) => !['constructor', 'connection', 'result'].includes(name)));

function answer(script, line) {
  try {
    const request = JSON.parse(line);
    if (!requests.has(request.do)) throw new Error(`no request is called ${JSON.stringify(request.do)}`);
    return script[request.do](request) ?? {};
  } catch (error) {
    return { error: error.message };
  }
}

export async function script(args) {
  const { values } = parseArgs({ args, options: boardOptions });
  const driver = new Script(values);
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = { now: driver.board.milliseconds, ...answer(driver, line) };
    reply.now = driver.board.milliseconds;
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  driver.board.flash.save();
}
