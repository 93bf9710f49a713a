// Standard input as the keyboard of the board: raw if it is a terminal that is ours to read.

import { readFileSync } from 'node:fs';

// A background job that changes the terminal's mode, or reads, is stopped by the kernel.
function inForeground() {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ');
    return fields[2] === fields[5];      // process group, and the terminal's foreground group
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
  return () => {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
  };
}
