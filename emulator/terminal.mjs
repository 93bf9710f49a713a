// Standard input as the keyboard of the board: raw if it is a terminal that is ours to read.

import { readFileSync } from 'node:fs';

// A background job that changes the terminal's mode, or reads, is stopped by the kernel.
function inForeground() {
  try {
    const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ');
    return foreground === '-1' || group === foreground;      // -1: no job control over this terminal
  } catch {
    return true;
  }
}

// onBytes(Buffer) for each chunk; onEnd() at end of file. Returns a function that gives the terminal back.
export function openKeyboard(onBytes, onEnd = () => {}) {
  const { stdin } = process;
  if (stdin.isTTY && !inForeground()) return () => {};
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', onBytes);
  stdin.on('end', onEnd);
  stdin.on('error', () => {});
  const restore = () => {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
  };
  process.on('exit', restore);          // whatever ends us
  return restore;
}

// The board ends lines with CR LF; here it is LF, of which a terminal, in Node's raw mode too, makes what it needs.
// The CR may be the last byte of one piece and the LF the first of the next.
export class LineEnds {
  constructor() {
    this.held = '';
  }

  convert(bytes) {
    const text = this.held + bytes.toString('latin1');
    this.held = text.endsWith('\r') ? '\r' : '';
    return Buffer.from(text.slice(0, text.length - this.held.length).replaceAll('\r\n', '\n'), 'latin1');
  }
}
