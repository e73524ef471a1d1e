import { once } from 'node:events';
import { parseConfig, parseEnv, redisEnv } from '#libs/config';
import { countInputs, type JobOutcome, type JobPayload, parseJob, QUEUES } from '#libs/contracts';
import { BullServer, ModelCatalog, ResultStore, type BullContext } from '#libs/queue';
import { createService, type Service } from '#libs/service';
import { createLogger } from '#libs/telemetry';
import { uniquePrefix } from '#libs/testing';
import { GatewayModule } from './gateway.module.js';
import { leaveBodiesAlone } from './leave-bodies-alone.js';

/** What a job's outcome is to be; null: never any. */
type Script = (job: JobPayload, jobId: string) => JobOutcome | null;

export interface GatewayUnderTest {
  url: string;
  prefix: string;
  /** The gateway's log, line by line. */
  lines: string[];
  /** Jobs that came out of the queue. */
  jobs: JobPayload[];
  /** Their ids. */
  jobIds: string[];
  service: Service;
  stop(): Promise<void>;
}

export interface GatewaySetup {
  script?: Script;
  keys?: string[];
  maxRequestBytes?: number;
  stalledAfterMs?: number;
  /** Default: the Redis of the test run. */
  redisUrl?: string;
  /** What a router has announced; none by default. */
  catalog?: string[];
}

/** A gateway on a free port, with real Redis, and at the other end of the queue somebody who answers by script. */
export async function startGateway(setup: GatewaySetup = {}): Promise<GatewayUnderTest> {
  const { script = () => null, keys = [], maxRequestBytes = 65_536, stalledAfterMs = 60_000, catalog } = setup;
  const { redisUrl = parseEnv(redisEnv).REDIS_URL } = setup;
  const prefix = uniquePrefix();
  const [lines, jobs, jobIds]: [string[], JobPayload[], string[]] = [[], [], []];
  const results = new ResultStore({ redisUrl, prefix, ttlMs: 60_000 });
  const router = new BullServer({
    redisUrl,
    prefix,
    onError: () => undefined,
    patience: { drainMs: 100, handBackMs: 100 },
  });
  router.addHandler(QUEUES.completion, async (payload: unknown, context: BullContext) => {
    const job = parseJob(payload);
    jobIds.push(context.jobId);
    jobs.push(job);
    const outcome = script(job, context.jobId);
    if (outcome) await results.commit(context.jobId, outcome, job.replyTo);
    else await once(context.signal, 'abort');
  });
  router.listen(() => undefined);
  if (catalog) {
    const announcer = new ModelCatalog({ redisUrl, prefix });
    await announcer.publish(catalog);
    await announcer.close();
  }

  const config = parseConfig(
    `
providers: { a: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:1/v1' } }
targets: [{ provider: a, model: gpt-4 }, { provider: a, model: org/big-model }]
jobs: { maxRequestBytes: ${maxRequestBytes} }
gateway: { stalledAfterMs: ${stalledAfterMs} }
`,
    {},
  );
  const service = await createService({
    name: 'gateway',
    env: { HOST: '127.0.0.1', PORT: 0, SHUTDOWN_DEADLINE_MS: 2_000 },
    module: GatewayModule.forRoot({
      env: { REDIS_URL: redisUrl, UNDERSTUDY_PREFIX: prefix, GATEWAY_API_KEYS: keys },
      config,
    }),
    configure: leaveBodiesAlone,
    logger: createLogger({ name: 'gateway', destination: { write: (line: string) => void lines.push(line) } }),
  });
  const url = await service.start();
  const stop = async () => {
    await service.stop();
    await router.close();
    await results.close();
  };
  return { url, prefix, lines, jobs, jobIds, service, stop };
}

/** Vectors for all inputs, by target `a/e`. */
export function vectorsFor(job: JobPayload, jobId: string): JobOutcome {
  if (job.operation !== 'embeddings') throw new Error('it does not ask for embeddings');
  const { input, encoding_format: encoding } = job.request;
  const embedding = encoding === 'base64' ? Buffer.from(Float32Array.of(0.5, -1).buffer).toString('base64') : [0.5, -1];
  const data = Array.from({ length: countInputs(input) }, (_, index) => ({ object: 'embedding', index, embedding }));
  const attempt = { number: 1, target: 'a/e', outcome: 'success' as const, startedAt: 1, latencyMs: 12 };
  const understudy = { jobId, target: 'a/e', attempts: [attempt], queueMs: 1, totalMs: 13 };
  const usage = { prompt_tokens: 3, total_tokens: 3 };
  return {
    status: 'completed',
    result: { object: 'list', model: 'e-v1', data, usage, field_of_tomorrow: 1, understudy },
  };
}

/** A whole answer by target `a/<model>`. */
export function answerTo(job: JobPayload, jobId: string, content = 'pong'): JobOutcome {
  const { model } = job.request;
  const attempt = {
    number: 1,
    target: `a/${model}`,
    outcome: 'success' as const,
    httpStatus: 200,
    startedAt: 1,
    latencyMs: 12,
  };
  return {
    status: 'completed',
    result: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: `${model}-0613`,
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
      field_of_tomorrow: { kept: true },
      understudy: { jobId, target: attempt.target, attempts: [attempt], queueMs: 1, totalMs: 13 },
    },
  };
}
