// Emulated time. rp2040js asks its clock for `nanos` and for alarms; this one also knows the processor's
// cycles, so that instructions run in batches and time is still exact whenever anyone looks.

class Alarm {
  constructor(clock, callback) {
    this.clock = clock;
    this.callback = callback;
    this.nanos = Infinity;
    this.next = null;
  }

  schedule(delay) {
    this.cancel();
    this.nanos = this.clock.nanos + Math.max(delay, 0);
    this.clock.link(this);
  }

  cancel() {
    if (this.nanos !== Infinity) this.clock.unlink(this);
    this.nanos = Infinity;
  }
}

export class Clock {
  constructor() {
    this.period = 8;          // nanoseconds per cycle of clk_sys
    this.base = 0;            // time at the start of the current batch of instructions
    this.first = null;        // alarms, soonest first; equal times in the order they were set
    this.core = null;         // whose `spent` counts the batch's cycles so far
  }

  setFrequency(hertz) {
    this.settle();
    this.period = 1e9 / hertz;
  }

  get nanos() {
    return this.base + this.core.spent * this.period;
  }

  get micros() {
    return this.nanos / 1000;
  }

  get nextAlarm() {
    return this.first === null ? Infinity : this.first.nanos;
  }

  createAlarm(callback) {
    return new Alarm(this, callback);
  }

  link(alarm) {
    let before = null;
    let after = this.first;
    while (after !== null && after.nanos <= alarm.nanos) {
      before = after;
      after = after.next;
    }
    alarm.next = after;
    if (before === null) this.first = alarm;
    else before.next = alarm;
  }

  unlink(alarm) {
    let before = null;
    for (let at = this.first; at !== null; before = at, at = at.next) {
      if (at !== alarm) continue;
      if (before === null) this.first = at.next;
      else before.next = at.next;
      return;
    }
  }

  // Cycles until the given time, at least one, so that a batch always gets on.
  cyclesUntil(nanos) {
    return Math.max(1, Math.min(1e9, Math.ceil((nanos - this.nanos) / this.period)));
  }

  // Moves the cycles of the batch into the base.
  settle() {
    this.base = this.nanos;
    this.core.total += this.core.spent;
    this.core.limit -= this.core.spent;
    this.core.spent = 0;
  }

  // Time passes while the processor sleeps.
  sleepUntil(nanos) {
    if (nanos > this.base) this.base = nanos;
  }

  // Whether any alarm was due.
  fireDue() {
    const due = this.first !== null && this.first.nanos <= this.base;
    while (this.first !== null && this.first.nanos <= this.base) {
      const alarm = this.first;
      this.first = alarm.next;
      alarm.nanos = Infinity;
      alarm.callback();
    }
    return due;
  }
}
