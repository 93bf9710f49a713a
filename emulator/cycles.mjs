// `cycles`: what requests cost on the emulated chip, from their last byte in to the answer's last byte out, in
// virtual time. Left out: cycles asleep, and those of the serial link (its interrupts and functions), which the
// emulator has in place of a radio or an Ethernet chip. TX takes no time here, so nothing that the server does
// after its answer is counted for want of bandwidth. `flash`: bytes of code that ran from it, which is what a cold cache
// would have to fetch; the emulator's is always warm.
//
//   emulator.mjs cycles [--json FILE] [--link REGEX] [--symbols] [--rounds N] [--requests NAMES] PROGRAM.py...
//
// Each program is a server, named after its file. Its first lines may say, after "# cycles:", what to ask of it:
// path=/ port=80 requests=curl,browser (--requests overrides that; requests.mjs has the names); body=* when its answers
// are its own affair; typed=x when it is typed that before each request, and then answers something new; rom=... when it
// needs --romfs; floor=NAME, the program that ratios are to, floor_route if it does not say.
// The JSON file also has, per program, what it takes of MicroPython's heap, and what each update of a sensor costs.

import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { boardOptions } from './board.mjs';
import { Heap, Profile, Span } from './profile.mjs';
import { Answers, FILE, makeRequest } from './requests.mjs';
import { VirtualBoard } from './virtual.mjs';

const LINK = '^(modhttp_slip|slip|sio_|uart_)';
const LINK_EXCEPTIONS = [16 + 11, 16 + 12, 16 + 20];     // DMA_IRQ_0, DMA_IRQ_1, UART0_IRQ
const START_MS = 20_000;
const COLLECT = 'import gc\ngc.collect()\nprint(gc.mem_alloc())';
const ANSWER_MS = 20_000;
const PAUSE_MS = 20;                                     // for what the server still does after an answer
const SETTLE_MS = 1;                                     // for what it does on the answer's last acknowledgement
const UPDATE = 'sensor_update';                          // what a call of a sensor's update() arrives in
const WARM_UP = 3;

function parseDirectives(program, requests) {
  const line = /^# cycles:(.*)$/m.exec(program)?.[1] ?? '';
  const given = Object.fromEntries(line.trim().split(/\s+/).filter(Boolean).map((word) => word.split('=')));
  return {
    path: given.path ?? '/', port: Number(given.port ?? 80),
    names: (requests ?? given.requests ?? 'curl,browser').split(','),
    anyBody: given.body === '*', typed: given.typed ?? '', inRom: 'rom' in given,
  };
}

// The floor that sends a program's own bytes, or those of most.
function floorOf(name, program) {
  return name.startsWith('floor') ? name : /^# cycles:.* floor=(\w+)/m.exec(program)?.[1] ?? 'floor_route';
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

class Counter {
  constructor(values) {
    this.values = values;
    const link = new RegExp(values.link);
    this.asked = 0;
    this.isLink = (name, exception) => LINK_EXCEPTIONS.includes(exception) || link.test(name);
  }

  boot() {
    const board = this.board = new VirtualBoard(this.values, { instantUart: true });
    if (board.symbols.sorted.length === 0) throw new Error('cycles: no ELF beside the UF2; --elf FILE names it');
    this.heap = new Heap(board.machine.core, board.symbols);
    board.boot();
    return board;
  }

  start(program, port) {
    const board = this.boot();
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

  // Bytes of MicroPython's heap that are in use once the program, if there is one, has been ended.
  heapInUse() {
    const { board } = this;
    board.machine.type('\x03');
    board.require(() => !board.repl.busy, START_MS, 'the program has not ended');
    board.exec(COLLECT);
    return Number(board.stdout);
  }

  // Types to the program. Returns the cycles of the update() that it makes of that.
  type(text) {
    const { board } = this;
    const profile = new Profile(board.symbols, this.isLink);
    board.machine.core.profile = new Span(board.machine.core, board.symbols, UPDATE, profile);
    board.machine.type(text);
    board.pass(PAUSE_MS);
    board.machine.core.profile = null;
    return profile.totals().counted;
  }

  // One request. Returns counts of cycles: from the last byte in to the last byte out (`cycles`) or the first (`first`); with
  // what earlier segments and the answer's acknowledgements cost at interrupt level (`whole`), for beneath it, each byte wakes
  // whoever waits for anything; of the link; allocs and grown (bytes), until all is done; the last body, and the profile.
  ask(connection, { text, body, answers: count }) {
    const { board, heap } = this;
    const { machine } = board;
    const before = new Profile(board.symbols, (name, exception) => exception === 0 || this.isLink(name, exception));
    const profile = new Profile(board.symbols, this.isLink);
    let counting = before;
    machine.core.profile = {
      add(address, cycles, exception) {
        counting?.add(address, cycles, exception);
        heap.add(address);
      },
    };
    heap.begin();
    const answers = new Answers(count);
    let first = 0;
    let done = false;
    const check = () => {
      if (!done && answers.complete(connection.finished)) {
        done = true;
        counting = before;
      }
    };
    connection.onData = (bytes) => {
      if (first === 0) first = profile.totals().counted;
      answers.push(bytes);
      check();
    };
    // From the moment that the line has brought the last byte; earlier segments wait for the board's window.
    machine.uarts[0].onReceived = () => {
      if (counting === before && connection.inFlight === connection.queue.length) counting = profile;
    };
    connection.send(typeof text === 'function' ? text(this.asked++) : text);
    board.until(() => (check(), done), ANSWER_MS);
    machine.uarts[0].onReceived = () => {};
    if (!done) throw new Error(`no complete answer, only ${JSON.stringify(answers.text.slice(0, 200))}`);
    answers.check(body);
    connection.read();
    board.until(() => machine.uarts[0].lineBytes === 0, PAUSE_MS);
    board.pass(SETTLE_MS);
    counting = null;
    board.pass(PAUSE_MS);
    machine.core.profile = null;
    const { counted, excluded } = profile.totals();
    return {
      cycles: counted, first, whole: before.totals().counted + counted, link: excluded, allocs: heap.count, grown: heap.peak,
      closes: answers.closes, body: answers.all.at(-1).body, profile,
    };
  }

  // A row of the table: warm connection where the server keeps one, and a new one each time.
  measure(program, name, { path, port, anyBody, typed }) {
    const request = makeRequest(name, path);
    if (anyBody) request.body = null;
    const updates = [];
    let last = null;
    const ask = (connection) => {
      if (typed) updates.push(this.type(typed));
      const asked = this.ask(connection, request);
      if (typed && asked.body === last) throw new Error(`the same answer again: ${JSON.stringify(last)}`);
      last = asked.body;
      return asked;
    };
    let connection = this.start(program, port);
    for (let i = 0; i < request.idle; i++) this.ask(this.connect(port), request);
    const rounds = { warm: [], fresh: [] };
    const count = Number(this.values.rounds);
    for (let round = 0; round < WARM_UP + count; round++) {
      if (connection.finished || connection.state !== 'open') connection = this.connect(port);
      const asked = ask(connection);
      if (asked.closes) this.finish(connection);
      if (round >= WARM_UP) rounds.warm.push(asked);
    }
    this.finish(connection);
    for (let round = 0; round < count; round++) {
      const fresh = this.connect(port);
      rounds.fresh.push(ask(fresh));
      this.finish(fresh);
    }
    const warm = (key) => median(rounds.warm.map((asked) => asked[key]));
    const row = {
      cycles: warm('cycles'), first: warm('first'), fresh: median(rounds.fresh.map((asked) => asked.cycles)),
      whole: warm('whole'), allocs: warm('allocs'), link: warm('link'), digest: this.board.digest(),
      total: this.board.machine.cycles, symbols: rounds.warm.at(-1).profile.bySymbol(), flash: rounds.warm.at(-1).profile.flashBytes(),
    };
    return { ...row, update: median(updates), heap: this.heapInUse() + warm('grown') };
  }

  finish(connection) {
    connection.finish();
    this.board.until(() => connection.closed && connection.finished, 1000);
  }
}

function print(rows, symbols) {
  const cycles = Object.fromEntries(rows.map((row) => [`${row.program}.${row.request}`, row.cycles]));
  const line = (cells) => cells.map((cell, i) => (i < 2 ? String(cell).padEnd(12) : String(cell).padStart(10))).join(' ');
  console.log(line(['program', 'request', 'cycles', 'x floor', 'first', 'fresh', 'flash', 'link', 'all', 'packets']));
  for (const row of rows) {
    const floor = cycles[`${row.floor}.${row.request}`];
    const ratio = floor ? (row.cycles / floor).toFixed(2) : '-';
    console.log(line([row.program, row.request, row.cycles, ratio, row.first, row.fresh, row.flash, row.link, row.total, row.digest.slice(0, 8)]));
    if (symbols) for (const [name, cycles] of row.symbols.slice(0, 25)) console.log(`  ${String(cycles).padStart(8)}  ${name}`);
  }
}

export function cycles(args) {
  const { values, positionals } = parseArgs({
    args, allowPositionals: true,
    options: {
      ...boardOptions, json: { type: 'string' }, link: { type: 'string', default: LINK },
      symbols: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' },
      requests: { type: 'string' },
    },
  });
  if (positionals.length === 0) throw new Error('cycles: name the programs to measure');
  const rows = [];
  for (const file of positionals) {
    const program = readFileSync(file, 'utf8');
    const directives = parseDirectives(program, values.requests);
    const name = basename(file, '.py');
    for (const request of directives.names) {
      try {
        const row = new Counter(values).measure(program, request, directives);
        rows.push({ program: name, request, floor: floorOf(name, program), inRom: directives.inRom, ...row });
      } catch (error) {
        throw new Error(`${file}, ${request}: ${error.message}`);
      }
    }
  }
  print(rows, values.symbols);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(flatten(rows, values), null, 2)}\n`);
}

function flatten(rows, values) {
  const counter = new Counter(values);
  counter.boot();
  const bare = counter.heapInUse();
  const flat = {};
  const files = new Set(rows.filter((row) => row.request === 'file16k' && !row.inRom).map((row) => row.program));
  for (const row of rows) {
    const own = bare + (files.has(row.program) ? FILE.length : 0);     // the file that it serves
    if (row.update) flat[`${row.program}.update.cycles`] ??= row.update;
    for (const key of ['cycles', 'first', 'fresh', 'whole', 'flash']) flat[`${row.program}.${row.request}.${key}`] = row[key];
    flat[`${row.program}.allocs`] ??= row.allocs;        // of its first request
    flat[`${row.program}.heap_peak`] = Math.max(flat[`${row.program}.heap_peak`] ?? 0, row.heap - own);
  }
  return flat;
}
