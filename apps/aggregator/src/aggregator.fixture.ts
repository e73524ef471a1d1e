import { parseConfig, type UnderstudyConfig } from '#libs/config';
import { createService } from '#libs/service';
import { Lease } from '#libs/store';
import { createLogger } from '#libs/telemetry';
import { AggregatorModule } from './aggregator.module.js';

/** An aggregator in this process, on real sockets. */
export interface RunningAggregator {
  url: string;
  /** Its log lines so far. */
  logs: Record<string, unknown>[];
  stop(): Promise<void>;
  /** Ends it as SIGKILL would: the lease stays behind. */
  kill(): Promise<void>;
}

/**
 * Targets by id, with their weights; `provider/model` as in the configuration file.
 * @param health YAML of that part of the file
 */
export function configOf(weights: Record<string, number>, health = '{}'): UnderstudyConfig {
  const ids = Object.keys(weights);
  const providers = [...new Set(ids.map((id) => id.split('/')[0]))];
  const lines = [
    'providers:',
    ...providers.map((name) => `  ${name}: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' }`),
    'targets:',
    ...ids.map((id) => {
      const [provider, model] = id.split('/');
      return `  - { provider: ${provider}, model: ${model}, weight: ${weights[id]}, maxLatencyMs: 3000 }`;
    }),
    `health: ${health}`,
  ];
  return parseConfig(lines.join('\n'), {});
}

export async function startAggregator(
  at: { redisUrl: string; prefix: string; adminKey?: string },
  config: UnderstudyConfig,
): Promise<RunningAggregator> {
  const logs: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => logs.push(JSON.parse(line) as Record<string, unknown>) };
  const env = {
    REDIS_URL: at.redisUrl,
    UNDERSTUDY_PREFIX: at.prefix,
    HOST: '127.0.0.1',
    UNDERSTUDY_ADMIN_KEY: at.adminKey,
  };
  const service = await createService({
    name: 'aggregator',
    env: { ...env, PORT: 0, SHUTDOWN_DEADLINE_MS: 5_000 },
    module: AggregatorModule.forRoot(env, config),
    logger: createLogger({ name: 'aggregator', destination: destination as never }),
  });
  const url = await service.start();
  return {
    url,
    logs,
    stop: () => service.stop(),
    kill: async () => {
      await service.app.get(Lease).close({ release: false });
      await service.stop();
    },
  };
}
