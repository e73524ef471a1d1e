import { setTimeout as pause } from 'node:timers/promises';
import { CompletionClient } from '#libs/client';
import { type SimulatedFault, simulatorAdmin, startStack } from '#libs/testing';
import { startRedis } from '../../tools/redis/start-redis.js';

// What sharing a 429 between routers costs and brings: two (or more) router processes and an aggregator before one simulated provider that
// really limits, at a load above what it takes. Three variants of health.policy.shareBlocksFromMs, in turn, several rounds; each run
// has fresh processes. Bounded: a run ends after 40 s.
//
//   npm run build && node dist/test/bench/shared-429.js [rounds, default 2] [routers, default 2]

const ROUNDS = Number(process.argv[2] ?? 2);
const ROUTERS = Number(process.argv[3] ?? 2);
/** End of the jobs of one run; with starting and stopping it stays within 40 s. */
const DEADLINE_MS = 30_000;
const LATENCY_MS = 100;

const NEVER = 2_592_000_000;
const VARIANTS = { 'nothing shared': NEVER, 'windows shared': 5_000, 'everything shared': 0 };

interface Scenario {
  name: string;
  limit: Extract<SimulatedFault, { kind: 'rate-limit' }>;
  jobs: number;
  perSecond: number;
}

const SCENARIOS: Scenario[] = [
  {
    name: '20 per second, silent',
    limit: { kind: 'rate-limit', requests: 20, windowMs: 1_000, silent: true },
    jobs: 240,
    perSecond: 24,
  },
  {
    name: '20 per second, Retry-After: 1',
    limit: { kind: 'rate-limit', requests: 20, windowMs: 1_000 },
    jobs: 240,
    perSecond: 24,
  },
  {
    name: '80 per 10 s, Retry-After up to 10',
    limit: { kind: 'rate-limit', requests: 80, windowMs: 10_000 },
    jobs: 160,
    perSecond: 20,
  },
];

interface Run {
  answered: number;
  refused: number;
  /** From handing in to the answer, milliseconds, sorted. */
  waits: number[];
  /** From the first job handed in to the last answer. */
  drainMs: number;
}

const redis = await startRedis();
process.env['REDIS_URL'] = redis.url;
try {
  for (const scenario of SCENARIOS) {
    const runs = new Map(Object.keys(VARIANTS).map((variant) => [variant, [] as Run[]]));
    for (let round = 0; round < ROUNDS; round++)
      for (const [variant, shareBlocksFromMs] of Object.entries(VARIANTS))
        runs.get(variant)?.push(await play(scenario, shareBlocksFromMs));
    console.log(
      `\n${scenario.name}: ${scenario.jobs} jobs at ${scenario.perSecond} per second, ${ROUTERS} routers, ${ROUNDS} runs each`,
    );
    console.table([...runs].map(([variant, all]) => rowOf(variant, all, scenario)));
  }
} finally {
  await redis.stop();
}

async function play({ limit, jobs, perSecond }: Scenario, shareBlocksFromMs: number): Promise<Run> {
  const stack = await startStack({
    apps: { simulator: 1, aggregator: 1, router: ROUTERS },
    config: `
providers: { limited: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/limited/v1' } }
targets: [{ id: limited, provider: limited, model: m }]
health: { policy: { shareBlocksFromMs: ${shareBlocksFromMs} } }
`,
  });
  const client = new CompletionClient({ redisUrl: stack.redisUrl, prefix: stack.prefix });
  try {
    const admin = simulatorAdmin(stack.simulatorUrl);
    await admin.createProvider('limited', { models: { m: {} }, latency: { kind: 'fixed', ms: LATENCY_MS } });
    // Both routers are warm before the limit begins.
    await Promise.all(Array.from({ length: 20 }, () => ask(client)));
    await admin.clearCalls('limited');
    await admin.addFault({ provider: 'limited', fault: limit });
    return await load(client, admin, jobs, perSecond);
  } finally {
    await client.close();
    await stack.stop();
  }
}

async function load(
  client: CompletionClient,
  admin: ReturnType<typeof simulatorAdmin>,
  jobs: number,
  perSecond: number,
): Promise<Run> {
  const startedAt = performance.now();
  let lastAt = startedAt;
  const waits: number[] = [];
  const pending: Promise<void>[] = [];
  for (let i = 0; i < jobs; i++) {
    await pause(Math.max(0, startedAt + (i * 1_000) / perSecond - performance.now()));
    const handedInAt = performance.now();
    const one = ask(client).then(
      () => {
        lastAt = performance.now();
        waits.push(lastAt - handedInAt);
      },
      () => undefined,
    );
    pending.push(one);
  }
  await Promise.all(pending);
  const counts = (await admin.counts())['limited']?.['m'];
  return {
    answered: waits.length,
    refused: counts?.byStatus['429'] ?? 0,
    waits: waits.toSorted((a, b) => a - b),
    drainMs: lastAt - startedAt,
  };
}

function ask(client: CompletionClient) {
  const request = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }], max_tokens: 5 };
  return client.complete(request, { timeoutMs: DEADLINE_MS });
}

function rowOf(variant: string, runs: readonly Run[], { jobs }: Scenario) {
  const over = (of: (run: Run) => number, unit = '', digits = 0) => {
    const values = runs.map(of).toSorted((a, b) => a - b);
    const [least, most] = [values[0] ?? 0, values.at(-1) ?? 0].map((value) => value.toFixed(digits));
    return least === most ? `${least}${unit}` : `${least}–${most}${unit}`;
  };
  const quantile = (q: number) => (run: Run) => (run.waits[Math.floor(q * (run.waits.length - 1))] ?? 0) / 1_000;
  return {
    variant,
    answered: over(({ answered }) => (100 * answered) / jobs, ' %', 1),
    '429s per job': over(({ refused }) => refused / jobs, '', 2),
    'wait p50': over(quantile(0.5), ' s', 1),
    'wait p95': over(quantile(0.95), ' s', 1),
    drained: over(({ drainMs }) => drainMs / 1_000, ' s', 1),
  };
}
