import { existsSync, readFileSync } from 'node:fs';
import { ConfigError, parseConfig, type UnderstudyConfig } from '#libs/config';

/** The configuration of a run, and what follows from it. */
export interface ChosenConfig {
  file: string;
  /** Whether the simulator plays providers in it. */
  usesSimulator: boolean;
  /** What the person at the terminal has to know; empty for the sample configuration. */
  notes: string[];
}

const SAMPLE = 'understudy.yaml';
const REAL_OPENAI = 'understudy.openai.yaml';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `UNDERSTUDY_CONFIG` if set; with an OpenAI key in the environment the configuration for the real OpenAI; else the sample.
 * @throws ConfigError when the file does not exist
 */
export function chooseConfig(env: Environment): ChosenConfig {
  const file = env['UNDERSTUDY_CONFIG'] || (env['OPENAI_API_KEY'] && existsSync(REAL_OPENAI) ? REAL_OPENAI : SAMPLE);
  if (!existsSync(file))
    throw new ConfigError(file, [
      { path: '', message: 'there is no such file; UNDERSTUDY_CONFIG names the file to use' },
    ]);
  const usesSimulator = readFileSync(file, 'utf8').includes('${SIMULATOR_URL');
  return { file, usesSimulator, notes: notesOn(file, usesSimulator, env) };
}

function notesOn(file: string, usesSimulator: boolean, env: Environment): string[] {
  if (usesSimulator) return file === SAMPLE ? [] : [`configuration: ${file} (UNDERSTUDY_CONFIG)`];
  const why = env['UNDERSTUDY_CONFIG'] ? 'UNDERSTUDY_CONFIG is set' : 'OPENAI_API_KEY is set';
  return [
    `configuration: ${file}, because ${why}`,
    `REAL PROVIDERS: every job and every ping is a real call and costs money. Back to simulated ones: UNDERSTUDY_CONFIG=${SAMPLE} npm start`,
  ];
}

/**
 * Reads the configuration as the services will, so that a mistake in it is told once and before anything is started.
 * @throws ConfigError that lists every problem
 */
export function checkConfig(file: string, env: Environment): UnderstudyConfig {
  // Where the simulator will be is not known yet; any address will do to check the rest.
  return parseConfig(readFileSync(file, 'utf8'), { SIMULATOR_URL: 'http://127.0.0.1:4010', ...env }, file);
}
