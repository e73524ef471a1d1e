import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { buildIfStale } from './build.mjs';
import { installIfStale } from './dependencies.mjs';
import { withLock } from './lock.mjs';
import { BootstrapError } from './run-step.mjs';
import { runTests } from './tests.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
/** Commands that are programs of ours. */
const PROGRAMS = ['up', 'replay', 'outages', 'soak'];
const USAGE = `usage: node tools/run.mjs <command> [arguments]
  up [--exit] [--verbose]     npm start, npm run demo: run everything and play the story; --exit ends after it
  replay --arrivals FILE …    npm run replay -- …: send the jobs of a recording
  outages --incidents FILE …  npm run replay:outages -- …: simulate months of outages, policy by policy
  soak [--jobs N …]           npm run test:soak -- …: kill processes at random under load, and keep the books
  test [FILE …]               npm test: every check and test, or the tests of these files
Each installs and builds first what is missing or stale.`;

/**
 * Installs and builds what is missing or stale, then runs a command.
 * @param {string[]} argv command and its arguments
 */
export async function main([command = '', ...args]) {
  if (['help', '--help', '-h'].includes(command)) {
    console.log(USAGE);
    return;
  }
  if (command !== 'test' && !PROGRAMS.includes(command)) {
    console.error(`${command ? `unknown command "${command}"` : 'the command is missing'}\n${USAGE}`);
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
