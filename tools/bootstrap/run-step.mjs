import { spawn } from 'node:child_process';

const TICK_MS = 1_000;

/** A step that failed for a reason that was told; no stack needed. */
export class BootstrapError extends Error {}

/**
 * Runs a program quietly: its output is shown only when it fails. On a terminal the seconds are counted meanwhile.
 * @param {string} title for people: `installing dependencies`
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, expectation?: string }} options `expectation` is for people: `first time only`
 * @throws BootstrapError with the last of its output
 */
export async function runStep(title, command, args, { expectation, ...options }) {
  const startedAt = Date.now();
  const seconds = (digits) => ((Date.now() - startedAt) / 1000).toFixed(digits);
  const opening = `${title}${expectation ? ` (${expectation})` : ''}… `;
  process.stdout.write(opening);
  const isTerminal = process.stdout.isTTY && process.env.TERM !== 'dumb';
  const ticks = isTerminal
    ? setInterval(() => process.stdout.write(`\r${opening}${seconds(0)} s`), TICK_MS)
    : undefined;
  const { code, output } = await capture(command, args, options);
  clearInterval(ticks);
  if (isTerminal) process.stdout.write(`\r\u001B[K${opening}`);
  if (code !== 0) {
    process.stdout.write('failed\n');
    throw new BootstrapError(`${title} failed (${[command, ...args].join(' ')}):\n${output.trim().slice(-8000)}`);
  }
  process.stdout.write(`done in ${seconds(1)} s\n`);
}

function capture(command, args, options) {
  return new Promise((settle) => {
    let output = '';
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => settle({ code: 1, output: error.message }));
    child.on('close', (code) => settle({ code, output }));
  });
}

/**
 * Runs a program on this terminal.
 * @returns {Promise<number>} its exit code
 */
export function runVisibly(command, args, options) {
  return new Promise((settle, fail) => {
    const child = spawn(command, args, { ...options, stdio: 'inherit' });
    // A Ctrl-C reaches the child from the terminal by itself; what matters is to still be here when it has ended.
    const ignore = () => {};
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', ignore);
    process.on('SIGTERM', forward);
    child.on('error', fail);
    child.on('close', (code, signal) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', forward);
      settle(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });
}

/** The npm that started us, or the one on PATH: command and first arguments. */
export function npmCommand(env = process.env) {
  return env.npm_execpath?.endsWith('.js') ? [process.execPath, env.npm_execpath] : ['npm'];
}
