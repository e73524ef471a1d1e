import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { buildIfStale } from './build.mjs';
import { installIfStale } from './dependencies.mjs';
import { withLock } from './lock.mjs';
import { BootstrapError } from './run-step.mjs';
import { runTests } from './tests.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
/** Commands that are programs of ours. */
const PROGRAMS = ['up', 'replay'];

/**
 * Installs and builds what is missing or stale, then runs a command.
 * @param {string[]} argv command and its arguments
 */
export async function main([command = '', ...args]) {
  if (command !== 'test' && !PROGRAMS.includes(command)) {
    console.error(`Unknown command "${command}". Commands: npm start, npm run demo, npm run replay, npm test`);
    process.exit(1);
  }
  process.chdir(ROOT);
  try {
    await withLock(join(ROOT, '.understudy', 'bootstrap.lock'), async () => {
      await installIfStale(ROOT);
      await buildIfStale(ROOT);
    });
    if (command === 'test') process.exitCode = await runTests(ROOT, args);
    else await runProgram(command, args);
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** In this very process, so that there is none in between that signals would have to pass. */
async function runProgram(command, args) {
  const file = join(ROOT, 'dist', 'tools', command, 'main.js');
  process.setSourceMapsEnabled(true);
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
}
