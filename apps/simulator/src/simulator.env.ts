import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { formatProblems, listProblems } from './problem.js';
import { parseScript, type Script } from './script.js';

/** The script that is played when SIMULATOR_SCRIPT names none, if it is there. */
const DEFAULT_SCRIPT = 'simulator.yaml';

const wholeNumber = (max: number, message: string) =>
  z.string().regex(/^\d+$/, message).transform(Number).pipe(z.number().max(max, message));

const envSchema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(65_535, 'must be a port number, 0 to 65535').default(4010),
  SIMULATOR_SCRIPT: z.string().optional(),
  SIMULATOR_SEED: wholeNumber(Number.MAX_SAFE_INTEGER, 'must be a whole number of at least 0').optional(),
  SIMULATOR_KEEP_BODIES: z.enum(['0', '1'], 'must be 1 to keep the last requests as they came, or 0').default('0'),
});

/** The simulator's settings. */
export interface SimulatorEnv {
  host: string;
  port: number;
  seed: number | undefined;
  /** Keep the last requests as they came. */
  keepBodies: boolean;
  /** Absent when there is no script: any provider and any model is answered then. */
  script: Script | undefined;
}

/** Variables that cannot be used; the message lists every one with what it must be. */
export class SimulatorEnvError extends Error {
  override readonly name = 'SimulatorEnvError';
  readonly code = 'SIMULATOR_ENV_INVALID';
}

/** Reads HOST, PORT, SIMULATOR_SCRIPT, SIMULATOR_SEED, SIMULATOR_KEEP_BODIES and the script. Empty is unset. Throws SimulatorEnvError, ScriptError. */
export function readSimulatorEnv(variables: NodeJS.ProcessEnv = process.env): SimulatorEnv {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const checked = envSchema.safeParse(given);
  if (!checked.success) {
    throw new SimulatorEnvError(
      `invalid environment variables:\n${formatProblems(listProblems(checked.error, 'environment'))}`,
    );
  }
  const { HOST: host, PORT: port, SIMULATOR_SEED: seed, SIMULATOR_SCRIPT: path } = checked.data;
  return { host, port, seed, keepBodies: checked.data.SIMULATOR_KEEP_BODIES === '1', script: readScript(path) };
}

function readScript(path: string | undefined): Script | undefined {
  if (path === undefined && !existsSync(DEFAULT_SCRIPT)) return undefined;
  const file = path ?? DEFAULT_SCRIPT;
  let yaml: string;
  try {
    yaml = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new SimulatorEnvError(`SIMULATOR_SCRIPT: cannot read '${file}' (${reason}); name a YAML script that exists`);
  }
  return parseScript(yaml, file);
}
