import { parseConfig } from '#libs/config';
import {
  AUTO_MODE,
  type CompletionJob,
  type HealthSnapshot,
  type JobOutcome,
  type SnapshotMode,
  type TargetHealth,
} from '#libs/contracts';
import { DEFAULT_POLICY, initialTargetState, type Observation, viewTarget } from '#libs/health-core';
import { BullServer, CompletionQueue, ReplyChannel } from '#libs/queue';
import { createService } from '#libs/service';
import { ObservationReader, SnapshotStore, STREAM_START, TargetLimits } from '#libs/store';
import { createLogger } from '#libs/telemetry';
import { uniquePrefix } from '#libs/testing';
import { vi } from 'vitest';
import { RouterModule } from './router.module.js';

/** A whole router in this process, by default alone on its prefix: what it has learned is forgotten with it. */
export type RunningRouter = Awaited<ReturnType<typeof startRouter>>;

export interface RouterOptions {
  /** Of the routers beside which this one stands; default: alone. */
  prefix?: string;
  /** Jobs in hand at once; default 1. */
  concurrency?: number;
  /** Length of a window of limits; default: a minute. */
  limitWindowMs?: number;
}

export async function startRouter(redisUrl: string, configText: string, options: RouterOptions = {}) {
  const { prefix = uniquePrefix(), concurrency = 1, limitWindowMs } = options;
  const location = { redisUrl, prefix };
  const config = parseConfig(configText, {});
  const logs: Record<string, unknown>[] = [];
  const env = {
    REDIS_URL: redisUrl,
    UNDERSTUDY_PREFIX: location.prefix,
    UNDERSTUDY_CONFIG: '',
    HOST: '127.0.0.1',
    PORT: 0,
    SHUTDOWN_DEADLINE_MS: 5000,
    ROUTER_CONCURRENCY: concurrency,
  };
  const module = RouterModule.forRoot(env, config);
  if (limitWindowMs !== undefined)
    module.providers?.push({
      provide: TargetLimits,
      useFactory: () => new TargetLimits({ ...location, windowMs: limitWindowMs }),
    });
  const service = await createService({
    name: 'router',
    logger: createLogger({
      name: 'router',
      destination: { write: (line: string) => logs.push(JSON.parse(line) as Record<string, unknown>) },
    }),
    env,
    module,
    strategies: () => [new BullServer({ ...location, worker: { concurrency }, onError: () => undefined })],
  });
  const url = await service.start();
  const queue = new CompletionQueue(location);
  const replies = new ReplyChannel(location);
  const store = new SnapshotStore(location);
  const reader = new ObservationReader(location);
  let version = 0;
  await vi.waitFor(() => store.readState());

  return {
    url,
    prefix: location.prefix,
    service,
    logs,
    /** Enqueues a payload and waits for its one outcome. */
    async run(job: unknown, timeoutMs = 30_000): Promise<JobOutcome> {
      const id = await queue.add({ ...(job as CompletionJob), replyTo: replies.address });
      const outcome = await replies.waitFor(id, { timeoutMs });
      if (!outcome) throw new Error(`job ${id} has no outcome after ${timeoutMs} ms`);
      return outcome;
    },
    /** Waits for the one outcome of a job that somebody else enqueues; `replyTo` is for its envelope. */
    replies,
    /** Publishes health as a leading aggregator would: all targets well, but for what `changes` says by target id; and the mode, if any. */
    async publish(
      changes: Record<string, Partial<TargetHealth>> = {},
      mode?: Partial<SnapshotMode> & Pick<SnapshotMode, 'current'>,
    ): Promise<HealthSnapshot> {
      const at = Date.now();
      const targets = config.targets.map((profile): TargetHealth => {
        const view = viewTarget(initialTargetState(profile, DEFAULT_POLICY), profile, at, DEFAULT_POLICY);
        const known = {
          model: profile.model,
          routingWeight: 1,
          successRate: 1,
          requests: 1,
          failures: 0,
          lastCheckAt: at,
        };
        return { ...view, ...known, probeIntervalMs: 30_000, ...changes[profile.id] };
      });
      const { modes } = config;
      const told = mode !== undefined &&
        modes && {
          mode: {
            primary: modes.primary,
            setTo: AUTO_MODE,
            reason: 'spec',
            changedAt: 0,
            countingSince: null,
            ...mode,
          },
        };
      const snapshot: HealthSnapshot = { epoch: 0, version: ++version, at, scoring: 'adaptive', targets, ...told };
      if (!(await store.publish({ epoch: 0, snapshot, state: '{}' }))) throw new Error('the snapshot was refused');
      return snapshot;
    },
    /** What the router has reported so far. */
    observations: async (): Promise<Observation[]> => (await reader.read(STREAM_START, { blockMs: 1 })).observations,
    async stop(): Promise<void> {
      reader.close();
      await Promise.all([queue.close(), replies.close(), store.close()]);
      await service.stop();
    },
  };
}
