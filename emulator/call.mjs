// `call`: functions of a program without a system, run on the emulated processor and counted to the cycle.
//
//   emulator.mjs call PROGRAM.elf
//
// The program is linked to run at the beginning of RAM. Standard input is a JSON list of calls:
//
//   { run, count, data, spare }
//
// `run` is called as run(data, length) with the bytes of `data` (latin-1), which end `spare` bytes (0) before the end of
// RAM: whoever reads on from there faults. `count`, which may be left out, is a function that is called once meanwhile.
// The answer is a list of { result, cycles }: what `run` returned, and what `count` took with all that it called.

import { readFileSync } from 'node:fs';
import { Core } from './core.mjs';
import { loadElf, loadSymbols } from './image.mjs';

const RAM = 0x20000000;
const RAM_SIZE = 264 * 1024;
const END = RAM + RAM_SIZE;
const STACK = END - 0x10000;         // grows down from there; the data is above
const RETURN = STACK;                // an address where no code is
const SP = 13;
const LR = 14;
const ENOUGH = 10_000_000;           // cycles

class Program {
  constructor(path) {
    this.addresses = new Map(loadSymbols(path).sorted.map(({ name, address }) => [name, address]));
    this.image = new Uint8Array(RAM_SIZE);
    loadElf(path, this.image, RAM);
    this.memory = { sram: new Uint8Array(RAM_SIZE), readUint32: () => 0 };
  }

  address(name) {
    if (!this.addresses.has(name)) throw new Error(`call: the program has no function ${name}`);
    return this.addresses.get(name);
  }

  call({ run, count, data, spare = 0 }) {
    const address = END - spare - data.length;
    this.memory.sram.set(this.image);
    this.memory.sram.set(Buffer.from(data, 'latin1'), address - RAM);
    const core = new Core(this.memory, null, new Uint32Array(1), new Uint8Array(4));
    core.R.set([address, data.length]);
    core.R[SP] = STACK;
    core.R[LR] = RETURN | 1;
    core.pc = this.address(run);
    // Instruction by instruction: a batch would go on past the address.
    const reach = (goal) => {
      while (core.pc !== goal) {
        core.execute(core.spent + 1);
        if (core.spent > ENOUGH) throw new Error(`call: ${run} does not get to ${count}, or not back`);
      }
      return core.spent;
    };
    let cycles = 0;
    if (count !== undefined) {
      const before = reach(this.address(count));
      cycles = reach(core.R[LR] & ~1) - before;
    }
    reach(RETURN);
    return { result: core.R[0], cycles };
  }
}

export function call([path]) {
  if (path === undefined) throw new Error('call: name the program');
  const program = new Program(path);
  const calls = JSON.parse(readFileSync(0, 'utf8'));
  process.stdout.write(`${JSON.stringify(calls.map((one) => program.call(one)))}\n`);
}
