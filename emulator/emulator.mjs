#!/usr/bin/env node
// The emulated board's one entry point.

import { call } from './call.mjs';
import { cycles } from './cycles.mjs';
import { repl } from './repl.mjs';
import { run } from './run.mjs';
import { script } from './script.mjs';

const usage = `usage: emulator.mjs COMMAND [options] [--gateway PROGRAM ARGUMENTS...]

  run --app FILE     run a program at the wall clock's pace; exit status 1 if it raised
  repl [--drive DIR] the board's REPL on this terminal (Ctrl-] quits) and on a pty; in BOOTSEL mode DIR is its drive
  script             answer JSON lines on standard input, in virtual time
  cycles FILE...     count what requests cost, in virtual time
  call FILE          run and count functions of a program without a system

options of all: --uf2 FILE, --elf FILE, --rom FILE, --flash FILE (kept between runs), --romfs FILE (an image, mounted
at /rom), --seed N, --randombit seeded|stuck|alternating (what the ring oscillator's random bit reads)
--gateway comes last: a program that speaks SLIP on its standard input and output
`;

const commands = { call, cycles, repl, run, script };

// Everything after --gateway is the gateway's own command line.
function split(args) {
  const at = args.indexOf('--gateway');
  return at < 0 ? [args, []] : [args.slice(0, at), args.slice(at + 1)];
}

const [[name, ...args], gateway] = split(process.argv.slice(2));
if (!Object.hasOwn(commands, name ?? '')) {
  const asked = ['--help', '-h', 'help'].includes(name);
  (asked ? process.stdout : process.stderr).write(usage);
  process.exit(asked ? 0 : 2);
}
try {
  await commands[name](args, gateway);
} catch (error) {
  process.stderr.write(`emulator: ${error.message}\n`);
  process.exit(1);
}
