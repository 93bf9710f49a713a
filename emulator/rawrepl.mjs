// Runs one program through MicroPython's raw REPL with raw-paste flow control (MicroPython documentation,
// "The MicroPython Interactive Interpreter Mode"). A state machine: it is fed what the board prints and
// types what is due, so it serves paced and virtual time alike.

const CTRL_A = 0x01, CTRL_C = '\x03', CTRL_D = 0x04;
const BANNER = 'raw REPL; CTRL-B to exit\r\n>';
const PASTE = '\x05A\x01';
const MAX_HEAD = 4096;

// type(bytes) reaches the board. Callbacks: onStart(), onOutput(Buffer), onError(Buffer), onEnd(failed).
export class RawRepl {
  constructor(type, callbacks, { softReset = false } = {}) {
    Object.assign(this, { onStart() {}, onOutput() {}, onError() {}, onEnd() {} }, callbacks);
    this.type = type;
    this.softReset = softReset;
    this.state = 'off';
    this.raw = false;                  // the board is in the raw REPL already
    this.next = null;                  // to run as soon as the board is ready again
    this.head = '';
  }

  // Interrupts whatever runs, enters the raw REPL and pastes the program.
  run(program) {
    if (this.state === 'settle') {
      this.next = program;
      return;
    }
    this.program = Buffer.from(program);
    this.at = 0;
    this.window = 0;
    this.failed = false;
    this.head = '';
    this.state = this.raw ? 'banner' : 'prompt';
    this.type(this.raw ? [CTRL_A] : `\r${CTRL_C}${CTRL_C}`);
  }

  get busy() {
    return this.state !== 'off' && (this.state !== 'settle' || this.next !== null);
  }

  receive(bytes) {
    let rest = Buffer.from(bytes);
    while (rest.length > 0) rest = this[this.state](rest);
  }

  // Collects until `text` has come; returns what follows it, or null.
  after(rest, text) {
    const seen = this.head + rest.toString('latin1');
    const at = seen.indexOf(text);
    if (at < 0) {
      this.head = seen.slice(-MAX_HEAD);
      return null;
    }
    this.head = '';
    return Buffer.from(seen.slice(at + text.length), 'latin1');
  }

  // Everything up to CTRL-D goes to `sink`; returns what follows it, or null.
  upToEnd(rest, sink) {
    const at = rest.indexOf(CTRL_D);
    const text = at < 0 ? rest : rest.subarray(0, at);
    if (text.length > 0) sink(text);
    return at < 0 ? null : rest.subarray(at + 1);
  }

  // ---- states: each takes bytes and returns those left for the next

  off() {
    return Buffer.alloc(0);
  }

  prompt(rest) {
    const left = this.after(rest, '>>> ');
    if (left === null) return Buffer.alloc(0);
    this.state = 'banner';
    this.type([0x0d, CTRL_A]);
    return left;
  }

  banner(rest) {
    const left = this.after(rest, BANNER);
    if (left === null) return Buffer.alloc(0);
    if (this.softReset) {
      this.softReset = false;
      this.type([CTRL_D]);
    } else {
      this.state = 'accepted';
      this.type(PASTE);
    }
    return left;
  }

  accepted(rest) {
    const seen = Buffer.concat([Buffer.from(this.head, 'latin1'), rest]);
    this.head = seen.toString('latin1');
    if (seen.length < 4) return Buffer.alloc(0);
    if (seen[0] !== 0x52 || seen[1] !== 1) throw new Error('the board does not know raw paste mode');
    this.step = seen.readUInt16LE(2);
    this.window = this.step;
    this.head = '';
    this.state = 'paste';
    this.sendPart();
    return seen.subarray(4);
  }

  sendPart() {
    const end = Math.min(this.program.length, this.at + this.window);
    if (end > this.at) this.type(this.program.subarray(this.at, end));
    this.window -= end - this.at;
    this.at = end;
    if (end < this.program.length) return;
    this.type([CTRL_D]);
    this.state = 'compile';
  }

  paste(rest) {
    if (rest[0] === 1) {
      this.window += this.step;
      this.sendPart();
    } else if (rest[0] === CTRL_D) {     // the board has had enough: a syntax error, or no memory
      this.type([CTRL_D]);
      this.state = 'compile';
      return rest;
    }
    return rest.subarray(1);
  }

  compile(rest) {
    if (rest[0] === CTRL_D) {
      this.state = 'output';
      this.onStart();
    }
    return rest.subarray(1);
  }

  output(rest) {
    const left = this.upToEnd(rest, this.onOutput);
    if (left !== null) this.state = 'error';
    return left ?? Buffer.alloc(0);
  }

  error(rest) {
    const left = this.upToEnd(rest, (text) => {
      this.failed = true;
      this.onError(text);
    });
    if (left === null) return Buffer.alloc(0);
    this.state = 'settle';
    this.onEnd(this.failed);
    return left;
  }

  // The prompt; after SystemExit it is the end of a soft reset's banner.
  settle(rest) {
    const at = rest.indexOf('>');
    if (at < 0) return Buffer.alloc(0);
    this.state = 'off';
    this.raw = true;
    const { next } = this;
    this.next = null;
    if (next !== null) this.run(next);
    return rest.subarray(at + 1);
  }
}
