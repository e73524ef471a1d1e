#!/usr/bin/env node
// The command `understudy`, from a clone that has been built. Plain JavaScript: it says what to do where nothing has been built yet.
import { existsSync } from 'node:fs';
import process from 'node:process';

const program = new URL('../dist/apps/cli/src/main.js', import.meta.url);
if (!existsSync(program)) {
  console.error('understudy has not been built yet: run `npm ci && npm run build` in its folder first');
  process.exit(1);
}
process.setSourceMapsEnabled(true);
await import(program.href);
