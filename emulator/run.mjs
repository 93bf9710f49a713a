// `run`: a program on the board at the wall clock's pace, its console on ours.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { boardOptions } from './board.mjs';
import { RawRepl } from './rawrepl.mjs';
import { Session } from './session.mjs';
import { LineEnds, openKeyboard } from './terminal.mjs';

const CTRL_C = 3;
const BOOT_SECONDS = 20;

export function run(args, gateway) {
  const { values } = parseArgs({ args, options: { ...boardOptions, app: { type: 'string' } } });
  if (!values.app) throw new Error('run: --app FILE names the program');
  const program = readFileSync(values.app);
  const session = new Session(values, gateway);
  const { machine } = session;
  const lineEnds = new LineEnds();
  const traceback = [];
  const repl = new RawRepl((bytes) => session.type(bytes), {
    onStart: () => session.atExit.push(openKeyboard((bytes) => keyboard(session, bytes))),
    onOutput: (text) => process.stdout.write(lineEnds.convert(text)),
    onError: (text) => traceback.push(text),
    onEnd: (failed) => {
      const text = Buffer.concat(traceback).toString().replaceAll('\r\n', '\n');
      process.stderr.write(text.replaceAll('File "<stdin>"', `File "${values.app}"`));
      session.end(failed ? 1 : 0);
    },
  }, { softReset: values.flash !== '' });
  session.onSerial = (bytes) => repl.receive(bytes);
  machine.onReset = () => session.fail('the program reset the board');
  machine.run(BOOT_SECONDS * 1e9, () => machine.serialReady);
  if (!machine.serialReady) return session.fail('the firmware did not bring up its USB serial port');
  repl.run(program);
  return session.pacer.start();
}

// A program reads lines that end as a terminal ends them. Ctrl-C ends the run, as it does without raw mode.
function keyboard(session, bytes) {
  if (!process.stdin.isTTY) return session.type(Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r'), 'latin1'));
  return bytes.includes(CTRL_C) ? session.end(0) : session.type(bytes);
}
