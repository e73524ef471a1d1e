import { join } from 'node:path';
import { npmCommand, runVisibly } from './run-step.mjs';

/**
 * Everything: checks, then tests. With arguments, only the tests they select; vitest gets them as they are.
 * @param {string} root of the repository
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
export async function runTests(root, args) {
  if (args.length === 0) {
    const [npm, ...first] = npmCommand();
    const code = await runVisibly(npm, [...first, 'run', '--silent', 'check'], { cwd: root });
    if (code !== 0) return code;
  }
  return runVisibly(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], { cwd: root });
}
