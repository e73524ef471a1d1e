import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CompletionClient, type EnqueueOptions } from '#libs/client';
import { closeRedis, connectRedis, whenReady } from '#libs/redis';
import { startProcess } from '#libs/testing';
import { startRedis } from '../../tools/redis/start-redis.js';

// Whether anything grows: jobs of every kind (keyed, streamed, of three priorities, cancelled, refused by the provider) go through a real
// router and aggregator. After each tenth the bench waits until the results have expired, and counts what is left: the
// memory of Redis and of the router, keys that stay and keys that will expire, lengths of streams.
//
//   npm run build && node dist/test/bench/million-jobs.js [jobs, 50000 by default]

const JOBS = Number(process.argv[2] ?? 50_000);
const SAMPLES = 10;
const AT_ONCE = 200;
const RESULT_TTL_MS = 2_000;
const DEADLINE_MS = 15_000;
const KEPT_FAILURES = 200;
/** Results are gone by then. Fingerprints of keys and streams of chunks last longer; all that matters is that they end by themselves. */
const RESULTS_GONE_MS = RESULT_TTL_MS + 3_000;

const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
const answer = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(500) }, finish_reason: 'stop' }],
  usage,
};
const provider = createServer((incoming, response) => {
  void textOf(incoming).then((body) => {
    const isBad = body.includes('"refuse me"');
    response.writeHead(isBad ? 400 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isBad ? { error: { message: 'no', type: 'invalid_request_error' } } : answer));
  });
});
async function textOf(incoming: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of incoming) body += String(chunk);
  return body;
}
await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));

const folder = await mkdtemp(join(tmpdir(), 'understudy-bench-'));
const config = join(folder, 'understudy.yaml');
await writeFile(
  config,
  `
providers: { fast: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1' } }
targets: [{ id: fast/m, provider: fast, model: m, streaming: false, limits: { requestsPerMinute: 10000000 } }]
jobs: { resultTtlMs: ${RESULT_TTL_MS}, deadlineMs: ${DEADLINE_MS}, maxFailed: ${KEPT_FAILURES} }
`,
);
const server = await startRedis({ env: { ...process.env, REDIS_URL: undefined } });
const prefix = '{bench}';
const env = { REDIS_URL: server.url, UNDERSTUDY_PREFIX: prefix, UNDERSTUDY_CONFIG: config };
const redis = connectRedis({ url: server.url, name: 'bench', patience: 'patient' });
await whenReady(redis, 10_000);
const processes = await Promise.all(
  (['router', 'aggregator'] as const).map((app) => startProcess({ name: app, entry: `apps/${app}/src/main.js`, env })),
);
const [router] = processes;
const client = new CompletionClient({
  redisUrl: server.url,
  prefix,
  defaultDeadlineMs: DEADLINE_MS,
  resultTtlMs: RESULT_TTL_MS,
});

/** What became of the jobs. */
const ends = { answered: 0, refused: 0, cancelled: 0, other: 0 };

async function runJob(n: number): Promise<void> {
  const isBad = n % 50 === 7;
  const request = { model: 'm', messages: [{ role: 'user' as const, content: isBad ? 'refuse me' : 'x'.repeat(500) }] };
  const options: EnqueueOptions = {
    deadlineMs: DEADLINE_MS,
    priority: (['high', 'normal', 'low'] as const)[n % 3] as 'high' | 'normal' | 'low',
    tenant: `tenant-${n % 20}`,
    ...(n % 10 === 3 && { idempotencyKey: `key-${n}` }),
  };
  try {
    if (n % 100 === 9) {
      const id = await client.enqueue(request, options);
      // Cancelled, or answered before that.
      await client.cancel(id);
      ends.cancelled++;
      return;
    }
    if (n % 25 === 4) for await (const _ of client.stream(request, options));
    else await client.complete(request, { ...options, timeoutMs: 60_000 });
    ends.answered++;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'request_rejected') ends.refused++;
    else ends.other++;
    if (code !== 'request_rejected') console.error(`job ${n}: ${(error as Error).message}`);
  }
}

/** Keys by what follows the prefix, ids left out: those that stay until somebody deletes them, and those that expire by themselves. */
async function keysByKind() {
  const kinds = { staying: {} as Record<string, number>, expiring: {} as Record<string, number> };
  for (let cursor = '0', begun = false; !begun || cursor !== '0'; begun = true) {
    const [next, keys] = await redis.scan(cursor, 'COUNT', 1_000);
    const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
    for (const [i, key] of keys.entries()) {
      const kind = key
        .split(':')
        .slice(1, key.includes(':completion:') ? 3 : 2)
        .join(':')
        .replace(/[\w-]{20,}/, 'id');
      const those = ttls[i] === -1 ? kinds.staying : kinds.expiring;
      those[kind] = (those[kind] ?? 0) + 1;
    }
    cursor = next;
  }
  return kinds;
}

const total = (kinds: Record<string, number>) => Object.values(kinds).reduce((sum, count) => sum + count, 0);
const field = (info: string, name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
const metricOf = async (url: string, name: string) =>
  Number(new RegExp(`^${name} ([0-9.e+]+)`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1]);
const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

async function sample(done: number, ms: number) {
  await delay(RESULTS_GONE_MS);
  const [memory, kinds] = [await redis.info('memory'), await keysByKind()];
  const row = {
    jobs: done,
    'jobs/s': Math.round((JOBS / SAMPLES / ms) * 1_000),
    'Redis MiB': mebibytes(field(memory, 'used_memory')),
    'keys that stay': total(kinds.staying),
    'that expire': total(kinds.expiring),
    'dead letters': await redis.zcard(`${prefix}:completion:failed`),
    observations: await redis.xlen(`${prefix}:observations`),
    events: await redis.xlen(`${prefix}:completion:events`),
    'router MiB': mebibytes(await metricOf(router!.url, 'process_resident_memory_bytes')),
    'its heap': mebibytes(await metricOf(router!.url, 'nodejs_heap_size_used_bytes')),
  };
  console.log(JSON.stringify(row));
  return { row, kinds };
}

const rows: object[] = [];
let kinds: Awaited<ReturnType<typeof keysByKind>> | undefined;
try {
  const taken = await sample(0, Infinity);
  rows.push(taken.row);
  for (let tenth = 0; tenth < SAMPLES; tenth++) {
    const from = Math.floor((tenth * JOBS) / SAMPLES);
    const to = Math.floor(((tenth + 1) * JOBS) / SAMPLES);
    const begun = performance.now();
    let next = from;
    const worker = async () => {
      while (next < to) await runJob(next++);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const taken = await sample(to, performance.now() - begun);
    rows.push(taken.row);
    ({ kinds } = taken);
  }
  console.table(rows);
  console.log('ends:', JSON.stringify(ends));
  console.log('keys at the end:', JSON.stringify(kinds));
} finally {
  await client.close();
  await closeRedis(redis);
  await Promise.all(processes.map((process) => process.stop(8_000)));
  await server.stop();
  provider.close();
  provider.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
}
