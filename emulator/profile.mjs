// Where the cycles went: per address while it runs, per function when asked.

// Where flash is cached (RP2040 datasheet, section 2.6.3), in lines of 8 bytes.
const FLASH = 0x1000_0000, FLASH_END = 0x1100_0000;

export class Profile {
  // `excluded(name, exception)`: functions whose cycles are kept apart.
  constructor(symbols, excluded = () => false) {
    this.symbols = symbols;
    this.excluded = excluded;
    this.counts = new Map();         // address * 64 + exception number → cycles
    this.active = true;
  }

  // Called by the core for every instruction.
  add(address, cycles, exception) {
    if (!this.active) return;
    const key = address * 64 + exception;
    this.counts.set(key, (this.counts.get(key) ?? 0) + cycles);
  }

  *entries() {
    for (const [key, cycles] of this.counts) {
      const address = Math.floor(key / 64), exception = key % 64;
      const name = this.symbols.find(address)?.name ?? 'unknown';
      yield { name, exception, cycles, address };
    }
  }

  // [name, cycles], most first; what is excluded is left out.
  bySymbol() {
    const sums = new Map();
    for (const { name, exception, cycles } of this.entries()) {
      if (!this.excluded(name, exception)) sums.set(name, (sums.get(name) ?? 0) + cycles);
    }
    return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }

  // Bytes of flash that the instructions came from, in lines of the chip's cache.
  flashBytes() {
    const lines = new Set();
    for (const { name, exception, address } of this.entries()) {
      if (address >= FLASH && address < FLASH_END && !this.excluded(name, exception)) lines.add(address >>> 3);
    }
    return lines.size * 8;
  }

  // { counted, excluded }: sums of cycles.
  totals() {
    const sums = { counted: 0, excluded: 0 };
    for (const { name, exception, cycles } of this.entries()) {
      sums[this.excluded(name, exception) ? 'excluded' : 'counted'] += cycles;
    }
    return sums;
  }
}

const LR = 14;

// Hands on what is between a function's first instruction and its return, with all that it calls and that interrupts it.
export class Span {
  constructor(core, symbols, name, profile) {
    Object.assign(this, { R: core.R, profile, to: null, level: 0 });
    this.from = symbols.sorted.find((symbol) => symbol.name === name)?.address;
  }

  // Called after every instruction.
  add(address, cycles, exception) {
    if (address === this.from) {
      this.to = this.R[LR] & ~1;
      this.level = exception;
    } else if (address === this.to && exception === this.level) {
      this.to = null;
    }
    if (this.to !== null) this.profile.add(address, cycles, exception);
  }
}

// How often functions are called: how often their first instruction runs.
export class Calls {
  constructor(symbols, names) {
    this.counts = Object.fromEntries(names.map((name) => [name, 0]));
    this.at = new Map(symbols.sorted.filter(({ name }) => name in this.counts).map(({ address, name }) => [address, name]));
    const missing = names.filter((name) => ![...this.at.values()].includes(name));
    if (missing.length > 0) throw new Error(`no function is called ${missing.join(', ')}`);
  }

  add(address) {
    const name = this.at.get(address);
    if (name !== undefined) this.counts[name]++;
  }
}

const BLOCK = 16;                // bytes: MicroPython's heap is made of these

// What is taken from MicroPython's heap: how often, and how many bytes at the most at one time. What the collector frees is
// not seen: until it runs, that memory is taken.
export class Heap {
  constructor(core, symbols) {
    const address = (name) => symbols.sorted.find((symbol) => symbol.name === name)?.address;
    this.R = core.R;
    this.functions = new Map(['gc_alloc', 'gc_realloc', 'gc_free'].map((name) => [address(name), this[name].bind(this)]));
    this.sizes = new Map();      // by address
    this.calls = [];             // under way: { to, returned }
    this.result = 0;
    this.begin();
  }

  begin() {
    this.count = this.taken = this.peak = 0;
  }

  gc_alloc() {
    const size = this.R[0];
    this.count++;
    this.calls.push({ to: this.R[LR] & ~1, returned: (at) => at && this.place(at, size) });
  }

  gc_realloc() {
    const [old, size] = this.R;
    this.calls.push({ to: this.R[LR] & ~1, returned: (at) => at && at === old && this.resize(at, size) });
  }

  gc_free() {
    this.resize(this.R[0], 0);
  }

  place(at, size) {
    this.sizes.delete(at);       // of what the collector has freed
    this.resize(at, size);
  }

  resize(at, bytes) {
    const size = Math.ceil(bytes / BLOCK) * BLOCK;
    this.taken += size - (this.sizes.get(at) ?? 0);
    this.sizes.set(at, size);
    this.peak = Math.max(this.peak, this.taken);
  }

  // Called after every instruction.
  add(address) {
    while (this.calls.at(-1)?.to === address) this.calls.pop().returned(this.result);
    this.functions.get(address)?.();
    this.result = this.R[0];     // if that was a return
  }
}
