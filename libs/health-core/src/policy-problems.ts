import type { HealthPolicy } from './policy.js';

/** What is wrong with a policy, and how to mend it. */
export interface PolicyProblem {
  field: keyof HealthPolicy;
  message: string;
}

type NumericField = Exclude<keyof HealthPolicy, 'scoring'>;

const COUNTS: NumericField[] = [
  'consecutiveToOpen',
  'consecutiveWhileRamping',
  'consecutiveAfterSibling',
  'probesToHalfOpen',
  'trialsToClose',
  'probesToCloseIdle',
  'overlayFailures',
];

/** 0 would switch a safeguard off or divide by nothing, more than 1 would turn it round. */
const SHARES: NumericField[] = [
  'floorFactor',
  'blindFloorFactor',
  'rampFloor',
  'preferredMinFactor',
  'baselineRate',
  'baselineSickFactor',
  'baselineCalmSuccess',
  'rateCutFactor',
  'probeDoubtBelowSuccess',
];

/** 0 is allowed: none of it. */
const SHARES_OR_NONE: NumericField[] = ['openJitter', 'overlayJitter', 'throttleJitter', 'parkJitter', 'trialShare'];

const AT_LEAST_ONE: NumericField[] = [
  'latencyTolerance',
  'crawlRatio',
  'openGrowth',
  'tierOverprovision',
  'rateForgetFactor',
  'baselineCalmRatio',
];

const ZERO_ALLOWED: NumericField[] = [
  'baselineWarmupSamples',
  'probeOpenGrowth',
  'rateForgetMarginPerSecond',
  'shareBlocksFromMs',
  'hostSkipMs',
];

const SCORES: NumericField[] = ['healthyAboveScore', 'fullShareAtScore'];

/** Below these the value works against itself: pings whose slot is over before they start, a snapshot that is stale between two heartbeats. */
const LEAST: Partial<Record<NumericField, number>> = {
  probeConfirmMs: 100,
  probeDoubtMs: 100,
  probeOpenMs: 100,
  probeOpenMaxMs: 100,
  probeDisabledMs: 100,
  staleAfterMs: 2_000,
};

/** 30 days: a longer time is a slip of the unit, and switches off what it bounds. */
const LONGEST_MS = 2_592_000_000;

/** Above these a value has lost its meaning: nothing happens any more, or a number overflows. `…Ms` fields have `LONGEST_MS`. */
const MOST: Partial<Record<NumericField, number>> = {
  ...Object.fromEntries(COUNTS.map((field) => [field, 1_000])),
  priorCalls: 10_000,
  latencyPriorSamples: 10_000,
  // One call that took e^20 times as long as usual says no more than one that took e^10 times as long.
  latencyMaxLogRatio: 20,
  latencyTolerance: 100,
  latencyZeroFactor: 100,
  crawlRatio: 1_000,
  baselineWarmupSamples: 1_000_000,
  baselinePriorSamples: 1_000_000,
  baselineCalmRatio: 100,
  scoreExponent: 100,
  tierOverprovision: 100,
  openGrowth: 100,
  rateFloorPerSecond: 1_000,
  rateGrowth: 100,
  rateGrowthOffsetPerSecond: 1_000,
  rateForgetFactor: 1_000,
  rateForgetMarginPerSecond: 1_000,
  probeOpenGrowth: 100,
};

const mostOf = (field: NumericField): number => MOST[field] ?? (field.endsWith('Ms') ? LONGEST_MS : Infinity);

/** These must not exceed those. */
const ORDERED: [lower: NumericField, upper: NumericField][] = [
  ['openBaseMs', 'openMaxMs'],
  ['consecutiveWhileRamping', 'consecutiveToOpen'],
  ['consecutiveAfterSibling', 'consecutiveToOpen'],
  ['floorFactor', 'blindFloorFactor'],
  ['throttleBaseMs', 'throttleMaxMs'],
  ['retryAfterWindowMs', 'retryAfterMaxMs'],
  ['parkMinMs', 'parkMaxMs'],
  ['parkGrowthMs', 'parkMaxMs'],
  ['panicGapMs', 'panicGapProbedMs'],
  ['probeOpenMs', 'probeOpenMaxMs'],
  // Otherwise an open target would seem to have no prober between two of its probes.
  ['probeOpenMaxMs', 'probeFreshMs'],
  // Otherwise jobs would find out what the next probe is for.
  ['probeDisabledMs', 'disabledHoldMs'],
  ['probesToHalfOpen', 'probesToCloseIdle'],
];

/** Everything that is wrong with a policy; empty if it can be used. */
export function policyProblems(policy: HealthPolicy): PolicyProblem[] {
  const { scoring, ...numbers } = policy;
  const problems: PolicyProblem[] = [];
  const report = (field: keyof HealthPolicy, message: string) =>
    problems.push({ field, message: `${field} ${message}` });
  if (scoring !== 'adaptive' && scoring !== 'article')
    report('scoring', `must be "adaptive" or "article", not ${JSON.stringify(scoring)}`);

  for (const [field, value] of Object.entries(numbers) as [NumericField, number][]) {
    const demand = demandOn(field, value);
    const most = mostOf(field);
    if (demand) report(field, `must be ${demand}, not ${String(value)}`);
    else if (value > most) report(field, `must be at most ${most}${unitOf(field)}, not ${value}: lower it`);
  }
  if (problems.length > 0) return problems;

  for (const [lower, upper] of ORDERED)
    if (numbers[lower] > numbers[upper])
      report(lower, `(${numbers[lower]}) must not be above ${upper} (${numbers[upper]}): lower it, or raise ${upper}`);
  if (numbers.healthyAboveScore >= numbers.fullShareAtScore)
    report(
      'healthyAboveScore',
      `(${numbers.healthyAboveScore}) must be below fullShareAtScore (${numbers.fullShareAtScore})`,
    );
  return problems;
}

const unitOf = (field: NumericField) => (field.endsWith('Ms') ? ' (30 days)' : '');

/** What the value would have to be; null if it is. */
function demandOn(field: NumericField, value: number): string | null {
  if (!Number.isFinite(value)) return 'a finite number';
  if (COUNTS.includes(field)) return Number.isInteger(value) && value >= 1 ? null : 'a whole number of at least 1';
  if (SHARES.includes(field)) return value > 0 && value <= 1 ? null : 'above 0 and at most 1';
  if (SHARES_OR_NONE.includes(field)) return value >= 0 && value < 1 ? null : 'at least 0 and below 1';
  if (SCORES.includes(field)) return value > 0 && value <= 100 ? null : 'above 0 and at most 100';
  if (AT_LEAST_ONE.includes(field)) return value >= 1 ? null : 'at least 1';
  if (ZERO_ALLOWED.includes(field)) return value >= 0 ? null : 'at least 0';
  if (field === 'priorSuccess') return value > 0 && value < 1 ? null : 'between 0 and 1';
  if (field === 'latencyMinLogRatio') return value <= 0 ? null : 'at most 0';
  if (field === 'latencyZeroFactor') return value > 1 ? null : 'above 1';
  const least = LEAST[field];
  if (least !== undefined) return value >= least ? null : `at least ${least}`;
  return value > 0 ? null : 'above 0';
}
