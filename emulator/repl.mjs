// `repl`: the board's REPL on this terminal, and its USB serial port as a pty for mpremote.

import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { boardOptions } from './board.mjs';
import { Drive } from './bootsel.mjs';
import { Session } from './session.mjs';
import { LineEnds, openKeyboard } from './terminal.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const QUIT = 0x1d;               // Ctrl-]

// Calls onPath(path) once, onClient(there) as clients come and go, onData(Buffer) with what they send.
class SerialPort {
  constructor({ onPath, onClient, onData }) {
    this.child = spawn('python3', [join(here, 'pty_relay.py')], { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] });
    this.child.stdin.on('error', () => {});
    this.child.on('error', (error) => process.stderr.write(`emulator: no pty: ${error.message}\n`));
    this.child.stdout.on('data', onData);
    let first = true;
    createInterface({ input: this.child.stdio[3] }).on('line', (line) => {
      if (first) onPath(line);
      else onClient(line === 'open');
      first = false;
    });
  }

  write(bytes) {
    if (this.child.stdin.writable) this.child.stdin.write(bytes);
  }

  end() {
    this.child.stdin.end();
  }
}

// In BOOTSEL mode the board shows `directory` as its drive, and starts what is copied there.
function playDrive(session, directory, note) {
  const stop = session.onStop.bind(session);
  const drive = new Drive(directory, session.flash, (name) => {
    note(`${name} was flashed`);
    session.machine.reset();
    session.pacer.start();
  });
  session.onStop = () => {
    if (!session.machine.bootsel) return stop();
    note(`the board is in BOOTSEL mode: its drive is ${directory}`);
    drive.insert();
  };
  session.atExit.push(() => drive.remove());
}

export function repl(args, gateway) {
  const { values } = parseArgs({ args, options: { ...boardOptions, drive: { type: 'string', default: '' } } });
  const session = new Session(values, gateway);
  const note = (text) => process.stderr.write(`emulator: ${text}\n`);
  const lineEnds = new LineEnds();
  let muted = false;

  // What a client says is a protocol rather than text: the terminal keeps quiet until it is gone, or someone types.
  const port = new SerialPort({
    onPath: (path) => {
      note(`USB serial port: ${path}; Ctrl-] quits`);
      start();
    },
    onClient: (there) => {
      muted = there;
      note(there ? 'serial port opened by another program' : 'serial port closed');
    },
    onData: (bytes) => session.type(bytes),
  });
  session.atExit.push(() => port.end());
  session.onSerial = (bytes) => {
    if (!muted) process.stdout.write(lineEnds.convert(bytes));
    port.write(bytes);
  };
  session.machine.onReset = () => note('the board was reset');
  if (values.drive) playDrive(session, values.drive, note);

  function start() {
    session.atExit.push(openKeyboard((bytes) => {
      muted = false;
      const quit = bytes.indexOf(QUIT);
      if (quit !== 0) session.type(quit < 0 ? bytes : bytes.subarray(0, quit));
      if (quit >= 0) session.end(0);
    }));
    session.pacer.start();
  }
}
