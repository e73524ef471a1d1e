import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AppName, startService, type ServiceProcess, untilReady } from '#libs/processes';
import { type RunningRedis, startRedis } from '../redis/start-redis.js';

/** Two providers of which each fails now and then, so that failovers happen all the time. */
const CONFIG = `
providers:
  a: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/a/v1' }
  b: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/b/v1' }
targets:
  - { provider: a, model: m, weight: 2 }
  - { provider: b, model: m, weight: 1 }
probes: { intervalMs: 2000 }
`;
const SCRIPT = `
seed: 1
providers:
  a: { latency: { kind: lognormal, medianMs: 150, sigma: 0.5 } }
  b: { latency: { kind: lognormal, medianMs: 250, sigma: 0.5 } }
`;
const READY_MS = 60_000;

/** One process of an app that is started again whenever it was killed. */
interface Member {
  app: AppName;
  name: string;
  process: ServiceProcess;
}

/** A whole system whose processes can be killed and come back, on ports and a Redis of its own. */
export class Fleet {
  readonly #members: Member[] = [];
  #redis: RunningRedis | undefined;
  #folder = '';
  #simulatorUrl = '';
  #isStopping = false;

  /** @throws Error with the last lines of a process that is not ready in time */
  async start(counts: { routers: number; aggregators: number }): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'understudy-soak-'));
    await writeFile(join(this.#folder, 'understudy.yaml'), CONFIG);
    await writeFile(join(this.#folder, 'simulator.yaml'), SCRIPT);
    // What was acknowledged must be on disk, or a kill of Redis could lose jobs that were never at risk from us.
    const settings = { appendfsync: 'always' };
    this.#redis = await startRedis({
      persistent: { dir: join(this.#folder, 'redis') },
      settings,
      env: { ...process.env, REDIS_URL: undefined },
    });
    this.#simulatorUrl = await this.#startMember('simulator', 'simulator');
    const names: [AppName, string][] = [
      ['prober', 'prober'],
      ...numbered('aggregator', counts.aggregators),
      ...numbered('router', counts.routers),
    ];
    await Promise.all(names.map(([app, name]) => this.#startMember(app, name)));
  }

  get redisUrl(): string {
    return this.#redis?.url ?? '';
  }

  get simulatorUrl(): string {
    return this.#simulatorUrl;
  }

  /** Names of the running processes of an app. */
  running(app: AppName): string[] {
    return this.#members.filter((member) => member.app === app && member.process.running).map(({ name }) => name);
  }

  /** SIGKILL, and a new process under the same name; settles when that is ready. */
  async replace(name: string): Promise<void> {
    const member = this.#members.find((one) => one.name === name);
    if (!member) throw new Error(`the fleet has no ${name}`);
    member.process.kill('SIGKILL');
    await member.process.exited;
    if (this.#isStopping) return;
    this.#members.splice(this.#members.indexOf(member), 1);
    await this.#startMember(member.app, name);
  }

  /** Kills Redis as a crash would, and starts it again on its data. */
  async crashRedis(): Promise<void> {
    await this.#redis?.kill();
    await this.#redis?.restart();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#members.map(({ process }) => process.stop(8_000)));
    await this.#redis?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #startMember(app: AppName, name: string): Promise<string> {
    let sawUrl: (url: string) => void = () => undefined;
    const said = new Promise<string>((resolve) => (sawUrl = resolve));
    const service = startService({
      name,
      entry: `dist/apps/${app}/src/main.js`,
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        PORT: '0',
        LOG_FORMAT: 'json',
        REDIS_URL: this.redisUrl,
        SIMULATOR_URL: this.#simulatorUrl,
        SIMULATOR_SCRIPT: join(this.#folder, 'simulator.yaml'),
        UNDERSTUDY_CONFIG: join(this.#folder, 'understudy.yaml'),
        SHUTDOWN_DEADLINE_MS: '5000',
      },
      onLine: ({ fields }) => {
        if (typeof fields?.['url'] === 'string') sawUrl(fields['url']);
      },
    });
    this.#members.push({ app, name, process: service });
    const gone = new AbortController();
    void service.exited.then(() => gone.abort());
    const failed = new Promise<undefined>((resolve) => gone.signal.addEventListener('abort', () => resolve(undefined)));
    const url = await Promise.race([said, failed]);
    const answer = url === undefined ? undefined : await untilReady(`${url}/ready`, READY_MS, gone.signal);
    // Killed or stopped while it was starting: whoever did that knows.
    if (this.#isStopping || (!answer?.ready && !service.running)) return url ?? '';
    if (!answer?.ready) {
      const lines = service.lines().map(({ text }) => text);
      throw new Error(`${name} is not ready: ${answer?.detail}\n${lines.slice(-10).join('\n')}`);
    }
    return url ?? '';
  }
}

const numbered = (app: AppName, count: number): [AppName, string][] =>
  Array.from({ length: count }, (_, i) => [app, `${app}-${i + 1}`]);
