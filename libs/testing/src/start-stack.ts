import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppName } from '#libs/processes';
import { startProcess, type TestProcess } from './start-process.js';
import { uniquePrefix } from './unique-prefix.js';

export interface StackOptions {
  /** How many processes of each app. Default: one prober, aggregator, router and gateway. */
  apps?: Partial<Record<AppName, number>>;
  /** Text of `understudy.yaml`. Write `${SIMULATOR_URL}` for the simulator's address. */
  config: string;
  /** Added to the environment of every process. */
  env?: Readonly<Record<string, string>>;
  /** Default: `REDIS_URL` of the test run. */
  redisUrl?: string;
  /** Default: a new one. */
  prefix?: string;
}

/** The whole system on free ports, in processes of its own. */
export interface Stack {
  prefix: string;
  redisUrl: string;
  simulatorUrl: string;
  /** All processes that run or ran, in the order in which they got ready. */
  processes: readonly TestProcess[];
  /** The `index`-th process of an app, 0 for the first. */
  app(name: AppName, index?: number): TestProcess;
  /** Starts one more process of an app. */
  add(name: AppName): Promise<TestProcess>;
  stop(): Promise<void>;
}

/**
 * Starts the system and waits until all of it is ready.
 * @throws with the last lines of the process that is not ready in time; the others are stopped then
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { apps = { prober: 1, aggregator: 1, router: 1, gateway: 1 }, prefix = uniquePrefix() } = options;
  const redisUrl = options.redisUrl ?? required('REDIS_URL');
  const folder = await mkdtemp(join(tmpdir(), 'understudy-stack-'));
  const configFile = join(folder, 'understudy.yaml');
  await writeFile(configFile, options.config);

  let simulatorUrl = process.env['SIMULATOR_URL'] ?? '';
  const processes: TestProcess[] = [];
  const startedOf = new Map<AppName, number>();
  const start = async (app: AppName): Promise<TestProcess> => {
    const index = startedOf.get(app) ?? 0;
    startedOf.set(app, index + 1);
    const env = {
      REDIS_URL: redisUrl,
      UNDERSTUDY_PREFIX: prefix,
      UNDERSTUDY_CONFIG: configFile,
      SIMULATOR_URL: simulatorUrl,
      SHUTDOWN_DEADLINE_MS: '5000',
      ...options.env,
    };
    const started = await startProcess({ name: `${app}-${index}`, entry: `apps/${app}/src/main.js`, env });
    processes.push(started);
    return started;
  };
  const stop = async () => {
    await Promise.all(processes.map((process) => process.stop(8_000)));
    await rm(folder, { recursive: true, force: true });
  };

  try {
    if (apps.simulator) simulatorUrl = (await start('simulator')).url;
    const names = (['prober', 'aggregator', 'router', 'gateway'] as const).flatMap(
      (app) => Array(apps[app] ?? 0).fill(app) as AppName[],
    );
    const results = await Promise.allSettled(names.map(start));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    prefix,
    redisUrl,
    simulatorUrl,
    processes,
    app: (name, index = 0) => {
      const found = processes.find((process) => process.name === `${name}-${index}`);
      if (!found)
        throw new Error(`the stack has no ${name} number ${index}; it has ${processes.map((p) => p.name).join(', ')}`);
      return found;
    },
    add: start,
    stop,
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run tests with vitest, whose global setup provides it`);
  return value;
}
