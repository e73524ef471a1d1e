import { basename, extname, resolve } from 'node:path';
import {
  APPS,
  findFreePort,
  isPortFree,
  startService,
  untilReady,
  type AppName,
  type ServiceProcess,
} from '#libs/processes';
import { withoutCredentials } from '#libs/redis';
import { RedisKeeper } from '../redis/redis-keeper.js';
import { startRedis, type RunningRedis } from '../redis/start-redis.js';
import type { ChosenConfig } from './choose-config.js';
import type { LogDisplay } from './log-display.js';
import { takeRunLock } from './run-lock.js';
import { describeEnd, SystemFailure } from './system-failure.js';

/** Far from Redis' own 6379, where somebody else's may be; the same at every start, so that REDIS_URL need not be copied again. */
const REDIS_PORT = 16_379;
/** Short, so that an outage is seen soon. */
export const SIMULATED_PROBE_INTERVAL_MS = 2_000;
const READY_DEADLINE_MS = 60_000;
/** Ctrl-C has 5 s in all: for the services, then the simulator, then Redis. */
const STOP_SERVICES_MS = 3_000;
const STOP_SIMULATOR_MS = 500;

export interface SystemOptions {
  config: ChosenConfig;
  /** Keep Redis data in this folder and let one run at a time use it; without it, in memory. */
  stateFolder?: string;
  logs: LogDisplay;
  env: NodeJS.ProcessEnv;
  onProgress: (message: string) => void;
}

/** Redis, the simulator if the configuration wants it, and the services, each as a process of its own. */
export class SystemRun {
  /** Settles, with what to tell, when a process ends that nobody asked to. */
  readonly broken: Promise<SystemFailure>;
  private breakRun: (failure: SystemFailure) => void = () => {};
  private readonly services = new Map<AppName, ServiceProcess>();
  private readonly urls = new Map<AppName, string>();
  private redis: RunningRedis | undefined;
  private releaseLock: () => void = () => {};
  private isStopping = false;
  private readonly keeper = new RedisKeeper({
    isWanted: () => !this.isStopping,
    onBack: () =>
      this.options.onProgress(`redis      ended by somebody else; started again with its data: ${this.redisUrl}`),
    onGivenUp: (reason) => this.breakRun(new SystemFailure(`Redis cannot be kept running: ${reason}`)),
  });

  constructor(private readonly options: SystemOptions) {
    this.broken = new Promise((resolve) => (this.breakRun = resolve));
  }

  /** @throws SystemFailure with the last lines of the service that is not ready in time */
  async start(): Promise<void> {
    const { config, stateFolder, env, onProgress } = this.options;
    if (stateFolder && !env['REDIS_URL']) this.releaseLock = takeRunLock(resolve(stateFolder, 'run.lock'));
    // Jobs and health of one configuration mean nothing in another, so each has data of its own.
    const name = basename(config.file, extname(config.file));
    const kept = stateFolder && { persistent: { dir: resolve(stateFolder, 'redis', name) }, preferredPort: REDIS_PORT };
    this.redis = await startRedis({ env, onProgress, ...kept, onLost: (redis) => this.redisLost(redis) });
    onProgress(`redis      ${this.redisUrl} (${this.redis.source})`);
    if (config.usesSimulator) await this.startApp('simulator');
    const apps = ['prober', 'aggregator', 'router', 'gateway'] as const;
    const results = await Promise.allSettled(apps.map((app) => this.startApp(app)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Whether there is anything to stop. */
  get hasBegun(): boolean {
    return this.redis !== undefined || this.services.size > 0;
  }

  /** Address of Redis, without credentials. */
  get redisUrl(): string {
    return withoutCredentials(this.redis?.url ?? '');
  }

  /** Address of an app that has been started. */
  url(app: AppName): string {
    return this.urls.get(app) ?? '';
  }

  /** What a process needs in its environment to work with this system. */
  environment(): NodeJS.ProcessEnv {
    const { env, config } = this.options;
    return {
      ...env,
      REDIS_URL: this.redis?.url,
      UNDERSTUDY_CONFIG: config.file,
      SIMULATOR_URL: this.urls.get('simulator') ?? env['SIMULATOR_URL'],
      LOG_FORMAT: 'json',
      SHUTDOWN_DEADLINE_MS: env['SHUTDOWN_DEADLINE_MS'] || '2500',
      // Pings of real providers cost money: only simulated ones are asked this often without being told to.
      ...(config.usesSimulator && {
        PROBE_INTERVAL_MS: env['PROBE_INTERVAL_MS'] || String(SIMULATED_PROBE_INTERVAL_MS),
      }),
    };
  }

  /** Stops everything that has been started, at any moment of the start too. Takes 5 s at most. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const simulator = this.services.get('simulator');
    const others = [...this.services.values()].filter((service) => service !== simulator);
    await Promise.all(others.map((service) => service.stop(STOP_SERVICES_MS)));
    await simulator?.stop(STOP_SIMULATOR_MS);
    await this.redis?.stop();
    this.releaseLock();
  }

  /** Somebody else has ended the Redis of this run. Services wait for it; without its data there is nothing to wait for. */
  private redisLost(redis: RunningRedis): void {
    if (this.isStopping) return;
    if (this.options.stateFolder) void this.keeper.bringBack(redis);
    else this.breakRun(new SystemFailure('Redis ended, and what was in its memory is lost'));
  }

  private async startApp(app: AppName): Promise<void> {
    if (this.isStopping) return;
    const preferred = APPS[app].port;
    const port = (await isPortFree(preferred)) ? preferred : await findFreePort();
    const url = `http://127.0.0.1:${port}`;
    const { logs, onProgress } = this.options;
    const service = startService({
      name: app,
      entry: `dist/apps/${app}/src/main.js`,
      env: { ...this.environment(), HOST: '127.0.0.1', PORT: String(port) },
      onLine: (line) => logs.take(app, line),
    });
    this.services.set(app, service);
    this.urls.set(app, url);

    const ended = new AbortController();
    void service.exited.then((exit) => {
      ended.abort();
      if (!this.isStopping) this.breakRun(new SystemFailure(describeEnd(app, exit), service.lines()));
    });
    const answer = await untilReady(`${url}/ready`, READY_DEADLINE_MS, ended.signal);
    if (this.isStopping) return;
    if (ended.signal.aborted) throw new SystemFailure(describeEnd(app, await service.exited), service.lines());
    if (!answer.ready)
      throw new SystemFailure(
        `${app} is not ready after ${READY_DEADLINE_MS / 1000} s (${url}/ready: ${answer.detail})`,
        service.lines(),
      );
    onProgress(`${app.padEnd(10)} ${url}`);
  }
}
