// What a Cortex-M0+ answers with a HardFault. The firmware has no handler that could do more than stop,
// so the emulator stops there and tells.
export class Fault extends Error {
  constructor(reason, address) {
    super(reason);
    this.address = address >>> 0;
    this.at = 0;               // where the program was
  }
}
