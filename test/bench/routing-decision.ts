import { performance } from 'node:perf_hooks';
import {
  choose,
  DEFAULT_POLICY,
  initialRoutingState,
  initialTargetState,
  settle,
  type RouteQuestion,
  type TargetProfile,
  type TargetView,
  viewTarget,
} from '#libs/health-core';

// What one routing decision over 50 targets costs, next to the least that any router does: one weighted random draw over
// the same targets. All cases run in turn in every round, so that a busy machine slows all of them; the best round counts.
//
//   npm run build && node dist/test/bench/routing-decision.js

const TARGETS = 50;
// Rounds shorter than a time slice of the scheduler: the best of them ran undisturbed.
const CALLS_PER_ROUND = 200;
const ROUNDS = 500;
const LIMIT_MICROSECONDS = 20;
const START = Date.now();

const profiles = Array.from({ length: TARGETS }, (_, i): TargetProfile => ({
  id: `provider-${i % 8}/model-${i}`,
  provider: `provider-${i % 8}`,
  tier: i % 3 === 2 ? 1 : 0,
  weight: 1 + (i % 5),
  maxLatencyMs: 4_000,
  timeoutMs: 10_000,
}));
const views: TargetView[] = profiles.map((profile) =>
  viewTarget(initialTargetState(profile, DEFAULT_POLICY), profile, START, DEFAULT_POLICY),
);
const first: RouteQuestion = {
  primary: views,
  standIns: [],
  fallbacks: [],
  tried: new Set(),
  failedProviders: new Set(),
  isRetry: false,
};
const retry: RouteQuestion = {
  ...first,
  isRetry: true,
  tried: new Set([profiles[0]?.id ?? '']),
  failedProviders: new Set([profiles[0]?.provider ?? '']),
};

let routing = initialRoutingState();
let now = START;
let asked = 0;

function decide(question: RouteQuestion): string {
  const decision = choose(question, routing, ++now, Math.random(), DEFAULT_POLICY);
  routing = decision.routing;
  return decision.choice?.target ?? '';
}

/** The baseline. */
function drawByWeight(): string {
  let total = 0;
  for (const view of views) total += view.weight;
  let rest = Math.random() * total;
  for (const view of views) if ((rest -= view.weight) < 0) return view.target;
  return '';
}

const cases: [name: string, run: () => string][] = [
  ['weighted random draw (baseline)', drawByWeight],
  ['choose, first attempt', () => decide(first)],
  ['choose, retry', () => decide(retry)],
  [
    'choose + settle',
    () => {
      const target = decide(first);
      routing = settle(routing, target, { outcome: 'success', latencyMs: 900 }, now, Math.random(), DEFAULT_POLICY);
      return target;
    },
  ],
];

const best = cases.map(() => Infinity);
for (let round = 0; round < ROUNDS; round++)
  for (const [i, [, run]] of cases.entries()) {
    const begin = performance.now();
    for (let call = 0; call < CALLS_PER_ROUND; call++) asked += run().length > 0 ? 1 : 0;
    const microseconds = ((performance.now() - begin) / CALLS_PER_ROUND) * 1_000;
    best[i] = Math.min(best[i] ?? Infinity, microseconds);
  }

if (asked !== ROUNDS * CALLS_PER_ROUND * cases.length) throw new Error('a decision found nobody to ask');
const baseline = best[0] ?? 1;
console.log(`${TARGETS} targets, ${ROUNDS} rounds of ${CALLS_PER_ROUND} calls, best round; Node ${process.version}`);
console.table(
  cases.map(([name], i) => ({
    case: name,
    'µs per call': +(best[i] ?? 0).toFixed(2),
    'times the baseline': +((best[i] ?? 0) / baseline).toFixed(1),
  })),
);
const slowest = Math.max(...best);
console.log(`slowest ${slowest.toFixed(2)} µs; limit ${LIMIT_MICROSECONDS} µs`);
if (slowest > LIMIT_MICROSECONDS) process.exitCode = 1;
