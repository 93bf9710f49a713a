// Finds the npm package rp2040js, which may live outside the work tree, and imports it.
//
// Looked for in $MODHTTP_NODE_MODULES (a node_modules directory), then beside this file and above it.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));

function candidates() {
  const named = process.env.MODHTTP_NODE_MODULES;
  return [...(named ? [named] : []), join(here, 'node_modules'), join(here, '..', 'node_modules')];
}

function find(name) {
  const wanted = dependencies[name];
  for (const directory of candidates()) {
    const manifest = join(directory, name, 'package.json');
    if (!existsSync(manifest)) continue;
    const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
    if (version === wanted) return dirname(manifest);
    throw new Error(`emulator: ${manifest} is version ${version}, ${wanted} is needed`);
  }
  throw new Error(`emulator: npm package ${name} ${wanted} is not installed; run "npm ci" in ${here}, ` +
    'or name a node_modules directory that holds it in MODHTTP_NODE_MODULES');
}

async function load(name) {
  try {
    return await import(pathToFileURL(join(find(name), 'dist', 'esm', 'index.js')).href);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

export const { BasePeripheral, ConsoleLogger, GPIOPinState, LogLevel, RP2040, USBCDC } = await load('rp2040js');
