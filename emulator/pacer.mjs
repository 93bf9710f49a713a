// Lets a machine's time pass at the wall clock's pace: never ahead of it (TCP timers would fire early), and
// when the machine could not keep up, or this process did not run, without making up for what was lost.

const SLICE_NANOS = 1e6;         // emulated at a stretch, between looks at the wall clock
const BURST_MS = 5;              // of work before others of this process get a turn
const SLACK_NANOS = 20e6;        // how much lost time is made up for
const LONGEST_SLEEP_MS = 100;

export class Pacer {
  // afterTurn() is called when the machine has run a while: the place to pass on what it sent.
  constructor(machine, afterTurn = () => {}) {
    this.machine = machine;
    this.afterTurn = afterTurn;
    this.timer = null;
    this.immediate = null;
    this.running = false;
  }

  start() {
    this.running = true;
    this.last = performance.now();
    this.target = this.machine.nanos;
    this.turn();
  }

  stop() {
    this.running = false;
    this.cancel();
  }

  cancel() {
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
    this.timer = this.immediate = null;
  }

  // Something came from outside: do not sleep on.
  poke() {
    if (!this.running || this.timer === null) return;
    this.cancel();
    this.immediate = setImmediate(() => this.turn());
  }

  turn() {
    this.cancel();
    const { machine } = this;
    const start = performance.now();
    const slack = SLACK_NANOS + (this.planned ?? 0) * 1e6;
    this.target = Math.min(this.target + (start - this.last) * 1e6, machine.nanos + slack);
    this.last = start;
    while (this.running && machine.nanos < this.target && performance.now() - start < BURST_MS) {
      machine.run(Math.min(this.target, machine.nanos + SLICE_NANOS));
      if (machine.stopped) this.stop();
    }
    this.afterTurn();
    if (this.running) this.sleep();
  }

  sleep() {
    const { machine } = this;
    const line = machine.uarts[0];
    const behind = machine.nanos < this.target;
    const transferring = machine.idle && (line.lineBytes > 0 || line.shifting >= 0);
    this.planned = 0;
    if (behind || transferring) {
      this.immediate = setImmediate(() => this.turn());
      return;
    }
    this.planned = Math.min(LONGEST_SLEEP_MS, Math.max(1, Math.floor(machine.idleNanos / 1e6)));
    this.timer = setTimeout(() => this.turn(), this.planned);
  }
}
