import type { Observation } from './observation.js';
import type { HealthPolicy } from './policy.js';
import type { TargetProfile } from './target-profile.js';

/** Longer than any call; a latency above it is a fault of the reporter. */
const LONGEST_CALL_MS = 86_400_000;

/**
 * How slow a target is compared with itself. In logarithms, since latencies differ by factors; relative, so that pings,
 * first tokens and whole answers of any model can be compared. Pings and first tokens share one baseline ("short").
 */
export interface LatencyEvidence {
  /** Decayed sum of ln(latency / usual), and how many samples are in it. */
  logRatioSum: number;
  samples: number;
  sampledAt: number;
  /** ln of the usual milliseconds of a whole answer, and how many samples it has seen. */
  wholeLog: number;
  wholeSamples: number;
  /** The same of a ping, or to the first token. */
  shortLog: number;
  shortSamples: number;
  /** The same between two tokens of a stream; nothing is known before the first sample. */
  paceLog: number;
  paceSamples: number;
}

/** What was measured of one call. */
type Timing = Pick<Observation, 'source' | 'firstTokenMs' | 'perTokenMs'> & { wholeMs: number | undefined };

/** Nothing measured yet: what the profile expects is usual. */
export function initialLatency(profile: TargetProfile, policy: HealthPolicy): LatencyEvidence {
  return {
    logRatioSum: 0,
    samples: 0,
    sampledAt: 0,
    wholeLog: Math.log(profile.expectedLatencyMs ?? policy.expectedLatencyMs),
    wholeSamples: 0,
    shortLog: Math.log(profile.expectedProbeMs ?? policy.expectedProbeMs),
    shortSamples: 0,
    paceLog: 0,
    paceSamples: 0,
  };
}

/** How many times slower than usual the target is now; 1 = as usual. */
export function latencyRatio({ logRatioSum, samples }: LatencyEvidence, policy: HealthPolicy): number {
  return Math.exp(logRatioSum / (samples + policy.latencyPriorSamples));
}

/** From so many answers on it is known how fast a target usually speaks. */
const PACE_KNOWN_SAMPLES = 10;

/**
 * Takes in how long a call took. The first token judges the target and the whole answer only teaches what is usual,
 * because its length is the caller's choice; without a first token the whole answer has to judge. A stream that begins in time and
 * then crawls, many times more slowly than usual, is judged by that.
 * @param wholeMs of a good answer or ping; undefined for a call that failed
 * @param wellOtherwise closed and answering; what is usual is learned slowly from a target that is not
 */
export function recordLatency(
  evidence: LatencyEvidence,
  { source, wholeMs, firstTokenMs, perTokenMs }: Timing,
  now: number,
  wellOtherwise: boolean,
  policy: HealthPolicy,
): LatencyEvidence {
  const shortMs = firstTokenMs ?? (source === 'probe' ? wholeMs : undefined);
  const next = { ...evidence };
  if (shortMs !== undefined) {
    const logRatio = logOf(shortMs) - evidence.shortLog;
    Object.assign(next, sampled(evidence, crawlOf(evidence, perTokenMs, policy) ?? logRatio, now, policy));
  } else if (wholeMs !== undefined)
    Object.assign(next, sampled(evidence, logOf(wholeMs) - evidence.wholeLog, now, policy));

  const calm = wellOtherwise && latencyRatio(next, policy) < policy.baselineCalmRatio;
  if (shortMs !== undefined)
    next.shortLog += step(++next.shortSamples, calm, policy) * (logOf(shortMs) - next.shortLog);
  if (source === 'traffic' && wholeMs !== undefined)
    next.wholeLog += step(++next.wholeSamples, calm, policy) * (logOf(wholeMs) - next.wholeLog);
  if (perTokenMs !== undefined) {
    const toFirst = next.paceSamples === 0 ? 1 : step(next.paceSamples + 1, calm, policy);
    next.paceLog += toFirst * (logOf(perTokenMs) - next.paceLog);
    next.paceSamples++;
  }
  return next;
}

/** How much more slowly than usual an answer came, as a logarithm; undefined where that is within what languages and loads explain. */
function crawlOf(
  { paceLog, paceSamples }: LatencyEvidence,
  perTokenMs: number | undefined,
  { crawlPerTokenMs, crawlRatio }: HealthPolicy,
): number | undefined {
  if (perTokenMs === undefined || paceSamples < PACE_KNOWN_SAMPLES || perTokenMs < crawlPerTokenMs) return undefined;
  const logRatio = logOf(perTokenMs) - paceLog;
  return logRatio >= Math.log(crawlRatio) ? logRatio : undefined;
}

/** Forgets how slow the target was; what is usual stays. For a target that has just come back. */
export const forgetSlowness = (evidence: LatencyEvidence): LatencyEvidence => ({
  ...evidence,
  logRatioSum: 0,
  samples: 0,
});

/**
 * Latency term of the score: 1 up to `tolerance` times the usual latency, then falling in a straight line to 0 at `maxMs`
 * (but not before `zeroFactor` times the tolerated). With usual 0 and maximum 500 it is the article's.
 */
export function latencyTerm(
  latencyMs: number,
  usualMs: number,
  maxMs: number,
  { latencyTolerance, latencyZeroFactor }: Pick<HealthPolicy, 'latencyTolerance' | 'latencyZeroFactor'>,
): number {
  const full = usualMs * latencyTolerance;
  const zero = Math.max(maxMs, full * latencyZeroFactor);
  if (latencyMs <= full) return 1;
  return latencyMs >= zero ? 0 : (zero - latencyMs) / (zero - full);
}

/** The time, if it can be one. */
export const measured = (ms: number | undefined): number | undefined =>
  ms !== undefined && ms >= 0 && ms <= LONGEST_CALL_MS ? ms : undefined;

/** Below a millisecond nothing is measured. */
const logOf = (ms: number) => Math.log(Math.max(1, ms));

function sampled(
  { logRatioSum, samples, sampledAt }: LatencyEvidence,
  logRatio: number,
  now: number,
  policy: HealthPolicy,
) {
  const gapMs = Math.min(Math.max(0, now - sampledAt), policy.evidenceGapMs);
  const aging = 2 ** (-gapMs / policy.latencyHalfLifeMs);
  const sample = Math.min(policy.latencyMaxLogRatio, Math.max(policy.latencyMinLogRatio, logRatio));
  return { logRatioSum: logRatioSum * aging + sample, samples: samples * aging + 1, sampledAt: now };
}

/** How far the baseline moves towards its n-th sample: a plain mean at first, then a slow average. */
function step(n: number, calm: boolean, policy: HealthPolicy): number {
  if (n <= policy.baselineWarmupSamples) return 1 / (n + policy.baselinePriorSamples);
  return policy.baselineRate * (calm ? 1 : policy.baselineSickFactor);
}
