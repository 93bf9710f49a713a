// The program at the other end of the serial line: a child process that speaks SLIP on its standard input and
// output (build/host/slipgate). Bytes go both ways untouched.

import { spawn } from 'node:child_process';

const LINE_HIGH_WATER = 64 * 1024;

export class Gateway {
  // onData(Buffer): bytes for the board; onEnd(text, clean): the child is gone.
  constructor(command, { onData, onEnd }) {
    this.ending = false;
    this.pending = [];
    this.child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin.on('error', () => {});
    this.child.stdout.on('data', onData);
    this.child.on('error', (error) => onEnd(`${command[0]}: ${error.message}`, false));
    this.child.on('exit', (code, signal) => {
      if (this.ending) return;
      onEnd(`${command[0]} ended with ${signal ?? `status ${code}`}`, code === 0 || signal === 'SIGINT' || signal === 'SIGTERM');
    });
  }

  send(byte) {
    this.pending.push(byte);
  }

  // Once per turn rather than once per byte. Backs off while the board has not taken what came.
  flush(lineBytes) {
    if (this.pending.length > 0 && this.child.stdin.writable) this.child.stdin.write(Buffer.from(this.pending));
    this.pending = [];
    if (lineBytes > LINE_HIGH_WATER) this.child.stdout.pause();
    else if (this.child.stdout.isPaused()) this.child.stdout.resume();
  }

  end() {
    this.ending = true;
    this.child.kill('SIGTERM');
  }
}
