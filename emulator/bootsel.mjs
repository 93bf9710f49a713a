// The drive RPI-RP2 of a board in BOOTSEL mode, played by a directory: a UF2 file that is copied there is flashed.

import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isWholeUf2, loadUf2 } from './image.mjs';

const INFO = 'INFO_UF2.TXT';
const ABOUT = 'UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n';
const LOOK_MS = 100;

export class Drive {
  // onFlashed(name) is called when a file has been taken, and the drive is gone again.
  constructor(directory, flash, onFlashed) {
    Object.assign(this, { directory, flash, onFlashed, timer: null });
  }

  insert() {
    writeFileSync(join(this.directory, INFO), ABOUT);
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  look() {
    const name = readdirSync(this.directory).find((file) => /\.uf2$/i.test(file) && isWholeUf2(join(this.directory, file)));
    if (name === undefined) return;
    loadUf2(join(this.directory, name), this.flash.bytes);
    this.flash.changed();
    rmSync(join(this.directory, name));
    this.remove();
    this.onFlashed(name);
  }

  remove() {
    if (this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
    rmSync(join(this.directory, INFO), { force: true });
  }
}
