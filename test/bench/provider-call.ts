import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Agent, request } from 'undici';
import { createAdapter, type ChatCall } from '#libs/providers';

// What one call of the OpenAI-compatible adapter costs (timers, checks, parsing, putting a stream together), next to a bare
// undici.request that reads the same answer as text. All cases run in turn in every round, so that a busy machine slows all of
// them; the best round and the median count. The provider runs in the same process: the ratios are towards the adapter's favour
// only as far as both sides pay for it.
//
//   npm run build && node dist/test/bench/provider-call.js

const CALLS_PER_ROUND = 400;
const CONCURRENCY = 16;
const ROUNDS = 9;
const DELTAS = 50;

const usage = { prompt_tokens: 500, completion_tokens: DELTAS, total_tokens: 500 + DELTAS };
const head = { id: 'c', created: 1, model: 'm' };
const content = 'a few words of text, '.repeat(66);
const whole = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage,
});
const event = (fields: object) =>
  `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...fields })}\n\n`;
const delta = (fields: object, reason: string | null = null) =>
  event({ choices: [{ index: 0, delta: fields, finish_reason: reason }] });
const streamed = [
  ...Array.from({ length: DELTAS }, () => delta({ content: content.slice(0, content.length / DELTAS) })),
  delta({}, 'stop'),
  event({ choices: [], usage }),
  'data: [DONE]\n\n',
].join('');

const server = createServer((incoming, response) => {
  let body = '';
  incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
  incoming.on('end', () => {
    const isStream = body.includes('"stream":true');
    response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' });
    response.end(isStream ? streamed : whole);
  });
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;

const adapter = createAdapter({
  kind: 'openai-compatible',
  name: 'bench',
  baseUrl,
  headers: {},
  maxConnections: CONCURRENCY,
});
const agent = new Agent({ connections: CONCURRENCY, pipelining: 1 });
const body = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(2_000) }] };
const call: ChatCall = {
  model: 'm',
  body,
  limits: { connectMs: 5_000, firstTokenMs: 10_000, idleMs: 30_000, totalMs: 60_000 },
  stream: false,
};

async function adapted(stream: boolean): Promise<void> {
  const outcome = await adapter.chat({ ...call, stream });
  if (!outcome.ok) throw new Error(outcome.message);
}

async function bare(stream: boolean): Promise<void> {
  const response = await request(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream }),
    dispatcher: agent,
  });
  const text = await response.body.text();
  if (text.length < content.length) throw new Error('the answer is cut');
}

/** Microseconds per call. */
async function round(one: () => Promise<void>): Promise<number> {
  let left = CALLS_PER_ROUND;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (left-- > 0) await one();
    }),
  );
  return ((performance.now() - startedAt) * 1_000) / CALLS_PER_ROUND;
}

const cases = {
  'bare, whole': () => bare(false),
  'adapter, whole': () => adapted(false),
  [`bare, stream of ${DELTAS}`]: () => bare(true),
  [`adapter, stream of ${DELTAS}`]: () => adapted(true),
};
const times = new Map(Object.keys(cases).map((name) => [name, [] as number[]]));
for (let i = -1; i < ROUNDS; i++)
  for (const [name, one] of Object.entries(cases)) {
    const microseconds = await round(one);
    // The first round only warms up.
    if (i >= 0) times.get(name)?.push(microseconds);
  }

const rows = [...times].map(([name, all]) => {
  const sorted = all.toSorted((a, b) => a - b);
  return { name, best: sorted[0] ?? 0, median: sorted[Math.floor(sorted.length / 2)] ?? 0 };
});
console.table(
  rows.map((row, i) => {
    const reference = rows[i - (i % 2)] ?? row;
    return {
      case: row.name,
      'best µs': Math.round(row.best),
      'median µs': Math.round(row.median),
      '÷ bare (best)': (row.best / reference.best).toFixed(2),
      '÷ bare (median)': (row.median / reference.median).toFixed(2),
    };
  }),
);
await adapter.close();
await agent.close();
server.close();
