import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ScriptError } from './script.js';
import { readSimulatorEnv, SimulatorEnvError } from './simulator.env.js';

let folder: string;
let script: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'simulator-env-'));
  script = join(folder, 'script.yaml');
  writeFileSync(script, 'seed: 5\nproviders: { p: { models: { m: } } }\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

it('reads address, seed and script', () => {
  const env = readSimulatorEnv({ HOST: '0.0.0.0', PORT: '0', SIMULATOR_SEED: '9', SIMULATOR_SCRIPT: script });
  expect(env).toMatchObject({ host: '0.0.0.0', port: 0, seed: 9, script: { seed: 5, providers: { p: {} } } });
});

it('has defaults, also for variables that are empty', () => {
  const env = readSimulatorEnv({ HOST: '', PORT: '', SIMULATOR_SEED: '', SIMULATOR_SCRIPT: script });
  expect(env).toMatchObject({ host: '127.0.0.1', port: 4010, seed: undefined });
});

it('lists every variable that is wrong', () => {
  const read = () => readSimulatorEnv({ PORT: '70000', SIMULATOR_SEED: 'lucky' });
  expect(read).toThrow(SimulatorEnvError);
  expect(read).toThrow(/PORT: must be a port number, 0 to 65535\n {2}SIMULATOR_SEED: must be a whole number/);
});

it('names the variable when its script is not there, and the file when it is not valid', () => {
  const missing = join(folder, 'missing.yaml');
  expect(() => readSimulatorEnv({ SIMULATOR_SCRIPT: missing })).toThrow(
    `SIMULATOR_SCRIPT: cannot read '${missing}' (ENOENT)`,
  );
  const wrong = join(folder, 'wrong.yaml');
  writeFileSync(wrong, 'seeds: 1');
  const read = () => readSimulatorEnv({ SIMULATOR_SCRIPT: wrong });
  expect(read).toThrow(ScriptError);
  expect(read).toThrow(`${wrong} is not a valid simulator script:\n  seeds: unknown field`);
});
