// `cycles`: what requests cost on the emulated chip, from their last byte in to the answer's last byte out, in
// virtual time. Left out: cycles asleep, and those of the serial link (its interrupts and functions), which the
// emulator has in place of a radio or an Ethernet chip. TX takes no time here, so nothing that the server does
// after its answer is counted for want of bandwidth.
//
//   emulator.mjs cycles [--json FILE] [--link REGEX] [--symbols] [--rounds N] PROGRAM.py...
//
// Each program is a server, named after its file. Its first lines may say, after "# cycles:", what to ask of it:
// path=/ port=80 requests=curl,browser. Ratios are to the program called floor.

import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { boardOptions } from './board.mjs';
import { Profile } from './profile.mjs';
import { Answer, requests } from './requests.mjs';
import { VirtualBoard } from './virtual.mjs';

const LINK = '^(modhttp_slip|slip|sio_|uart_)';
const LINK_EXCEPTIONS = [16 + 11, 16 + 12, 16 + 20];     // DMA_IRQ_0, DMA_IRQ_1, UART0_IRQ
const START_MS = 5_000;
const ANSWER_MS = 20_000;
const PAUSE_MS = 20;                                     // for what the server still does after an answer
const WARM_UP = 3;

function parseDirectives(program) {
  const line = /^# cycles:(.*)$/m.exec(program)?.[1] ?? '';
  const given = Object.fromEntries(line.trim().split(/\s+/).filter(Boolean).map((word) => word.split('=')));
  return { path: given.path ?? '/', port: Number(given.port ?? 80), names: (given.requests ?? 'curl,browser').split(',') };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

class Counter {
  constructor(values) {
    this.values = values;
    const link = new RegExp(values.link);
    this.isLink = (name, exception) => LINK_EXCEPTIONS.includes(exception) || link.test(name);
  }

  start(program, port) {
    const board = this.board = new VirtualBoard(this.values, { instantUart: true });
    if (board.symbols.sorted.length === 0) throw new Error('cycles: no ELF beside the UF2; --elf FILE names it');
    board.boot();
    board.exec(program, { wait: false });
    for (const give_up = board.milliseconds + START_MS; ;) {
      const connection = this.connect(port);
      if (connection.state === 'open') return connection;
      if (board.stderr) throw new Error(`the program ended:\n${board.stderr}`);
      if (board.milliseconds > give_up) throw new Error(`nothing listens on port ${port} of the board`);
      board.pass(PAUSE_MS);
    }
  }

  connect(port) {
    const connection = this.board.network.connect(port);
    this.board.until(() => connection.state !== 'opening', START_MS);
    return connection;
  }

  // One request. Returns { cycles, first, link, answer, profile }.
  ask(connection, text) {
    const { board } = this;
    const { machine } = board;
    const profile = new Profile(board.symbols, this.isLink);
    const answer = new Answer();
    let first = 0;
    let done = false;
    const check = () => {
      if (!done && answer.complete(connection.finished)) {
        done = true;
        profile.active = false;
      }
    };
    connection.onData = (bytes) => {
      if (first === 0) first = profile.totals().counted;
      answer.push(bytes);
      check();
    };
    // From the moment that the line has brought the last byte; earlier segments wait for the board's window.
    machine.uarts[0].onReceived = () => {
      if (connection.inFlight === connection.queue.length) machine.core.profile ??= profile;
    };
    connection.send(text);
    board.until(() => (check(), done), ANSWER_MS);
    machine.core.profile = null;
    machine.uarts[0].onReceived = () => {};
    if (!done) throw new Error(`no complete answer, only ${JSON.stringify(answer.text.slice(0, 200))}`);
    connection.read();
    board.pass(PAUSE_MS);
    const { counted, excluded } = profile.totals();
    return { cycles: counted, first, link: excluded, answer, profile };
  }

  // A row of the table: warm connection where the server keeps one, and a new one each time.
  measure(program, name, { path, port }) {
    const text = requests[name](path);
    let connection = this.start(program, port);
    const rounds = { warm: [], fresh: [] };
    const count = Number(this.values.rounds);
    for (let round = 0; round < WARM_UP + count; round++) {
      if (connection.finished || connection.state !== 'open') connection = this.connect(port);
      const asked = this.ask(connection, text);
      if (asked.answer.status !== 200) throw new Error(`status ${asked.answer.status}: ${asked.answer.text.slice(0, 200)}`);
      if (asked.answer.closes) this.finish(connection);
      if (round >= WARM_UP) rounds.warm.push(asked);
    }
    this.finish(connection);
    for (let round = 0; round < count; round++) {
      const fresh = this.connect(port);
      rounds.fresh.push(this.ask(fresh, text));
      this.finish(fresh);
    }
    const pick = (list, key) => median(list.map((asked) => asked[key]));
    return {
      cycles: pick(rounds.warm, 'cycles'), first: pick(rounds.warm, 'first'), fresh: pick(rounds.fresh, 'cycles'),
      link: pick(rounds.warm, 'link'), digest: this.board.digest(), total: this.board.machine.cycles,
      symbols: rounds.warm.at(-1).profile.bySymbol(),
    };
  }

  finish(connection) {
    connection.finish();
    this.board.until(() => connection.closed && connection.finished, 1000);
  }
}

function print(rows, symbols) {
  const floor = Object.fromEntries(rows.filter((row) => row.program === 'floor').map((row) => [row.request, row.cycles]));
  const line = (cells) => cells.map((cell, i) => (i < 2 ? String(cell).padEnd(12) : String(cell).padStart(10))).join(' ');
  console.log(line(['program', 'request', 'cycles', 'x floor', 'first', 'fresh', 'link', 'all', 'packets']));
  for (const row of rows) {
    const ratio = floor[row.request] ? (row.cycles / floor[row.request]).toFixed(2) : '-';
    console.log(line([row.program, row.request, row.cycles, ratio, row.first, row.fresh, row.link, row.total, row.digest.slice(0, 8)]));
    if (symbols) for (const [name, cycles] of row.symbols.slice(0, 25)) console.log(`  ${String(cycles).padStart(8)}  ${name}`);
  }
}

export function cycles(args) {
  const { values, positionals } = parseArgs({
    args, allowPositionals: true,
    options: {
      ...boardOptions, json: { type: 'string' }, link: { type: 'string', default: LINK },
      symbols: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' },
    },
  });
  if (positionals.length === 0) throw new Error('cycles: name the programs to measure');
  const rows = [];
  for (const file of positionals) {
    const program = readFileSync(file, 'utf8');
    const directives = parseDirectives(program);
    for (const request of directives.names) {
      if (!(request in requests)) throw new Error(`${file}: no request is called ${request}: there are ${Object.keys(requests).join(', ')}`);
      const name = basename(file, '.py');
      try {
        rows.push({ program: name, request, ...new Counter(values).measure(program, request, directives) });
      } catch (error) {
        throw new Error(`${file}, ${request}: ${error.message}`);
      }
    }
  }
  print(rows, values.symbols);
  if (values.json) {
    const flat = rows.flatMap(({ program, request, cycles: warm, first, fresh }) => [
      [`${program}.${request}.cycles`, warm], [`${program}.${request}.first`, first], [`${program}.${request}.fresh`, fresh],
    ]);
    writeFileSync(values.json, `${JSON.stringify(Object.fromEntries(flat), null, 2)}\n`);
  }
}
