import type { HealthPolicy } from './policy.js';
import type { LocalStanding } from './routing-state.js';

// A 429 is no ill health. It blocks the target for a while, and teaches how many calls per second it takes: the rate is
// cut by a 429 and grows only with successes, never with time, so that it cannot creep over the limit unnoticed.

/** Calls per second that this router sends to the target, judged at `now`. */
function sendRatePerSecond({ sent, sentAt }: LocalStanding, now: number, { sendRateHalfLifeMs }: HealthPolicy) {
  const decay = 2 ** (-Math.max(0, now - sentAt) / sendRateHalfLifeMs);
  return (sent * decay * Math.LN2 * 1_000) / sendRateHalfLifeMs;
}

/** Milliseconds until the learned rate lets a call leave; 0 when it may leave now. */
export function pacedForMs(standing: LocalStanding, now: number): number {
  const { ratePerSecond } = standing;
  if (ratePerSecond === null) return 0;
  const missing = 1 - tokensAt(standing, ratePerSecond, now);
  return missing <= 0 ? 0 : (missing / ratePerSecond) * 1_000;
}

/** A call leaves: it is counted, pays a token, and a limit that has long stopped to matter is dropped. */
export function afterSending(standing: LocalStanding, now: number, policy: HealthPolicy): LocalStanding {
  const decay = 2 ** (-Math.max(0, now - standing.sentAt) / policy.sendRateHalfLifeMs);
  const sent = { ...standing, sent: standing.sent * decay + 1, sentAt: now };
  const { ratePerSecond } = standing;
  if (ratePerSecond === null) return sent;
  const used = policy.rateForgetFactor * sendRatePerSecond(sent, now, policy) + policy.rateForgetMarginPerSecond;
  const isIdle = now - standing.rateCutAt > policy.rateForgetMs && ratePerSecond > used;
  if (isIdle) return { ...sent, ratePerSecond: null, tokens: 0 };
  return { ...sent, tokens: Math.max(0, tokensAt(standing, ratePerSecond, now) - 1), tokensAt: now };
}

/** A call succeeded. @param startedAt when the call left */
export function afterAnswer(
  standing: LocalStanding,
  startedAt: number,
  now: number,
  policy: HealthPolicy,
): LocalStanding {
  const succeededSinceCut = standing.succeededSinceCut || startedAt >= standing.rateCutAt;
  const answered = { ...standing, throttles: 0, succeededSinceCut };
  const { ratePerSecond } = standing;
  if (ratePerSecond === null) return answered;
  return {
    ...answered,
    tokens: tokensAt(standing, ratePerSecond, now),
    tokensAt: now,
    ratePerSecond: ratePerSecond + policy.rateGrowth * (policy.rateGrowthOffsetPerSecond + ratePerSecond),
  };
}

/**
 * The target answered 429.
 * @param retryAfterMs as the provider wants it; undefined or not a positive number: it did not say
 */
export function afterThrottle(
  standing: LocalStanding,
  retryAfterMs: number | undefined,
  startedAt: number,
  now: number,
  draw: number,
  policy: HealthPolicy,
): LocalStanding {
  const asked = retryAfterMs !== undefined && retryAfterMs > 0 ? retryAfterMs : undefined;
  // A burst of 429s, all answers to calls that left before the first one came, is one 429.
  const throttles = standing.throttles + (now < standing.blockedUntil ? 0 : 1);
  const backoffMs = Math.min(policy.throttleBaseMs * 2 ** Math.max(0, throttles - 1), policy.throttleMaxMs);
  const blockMs = Math.min(asked ?? backoffMs, policy.retryAfterMaxMs) * (1 + policy.throttleJitter * draw);
  const blocked = { ...standing, throttles, blockedUntil: Math.max(standing.blockedUntil, now + blockMs) };

  const isWindow = asked !== undefined && asked > policy.retryAfterWindowMs;
  const cutLately = now - standing.rateCutAt < policy.rateCutGapMs;
  if (isWindow || cutLately || !standing.succeededSinceCut) return dueAfter(blocked, asked, now);
  const sentPerSecond = sendRatePerSecond(standing, startedAt, policy);
  const ratePerSecond = Math.max(
    policy.rateFloorPerSecond,
    policy.rateCutFactor * Math.min(standing.ratePerSecond ?? Infinity, sentPerSecond),
  );
  const cut = { ...blocked, ratePerSecond, tokens: 0, tokensAt: now, rateCutAt: now, succeededSinceCut: false };
  return dueAfter(cut, asked, now);
}

/** A provider that says when to come back gets one call then, however low the rate. */
function dueAfter(standing: LocalStanding, asked: number | undefined, now: number): LocalStanding {
  const { ratePerSecond } = standing;
  if (ratePerSecond === null || asked === undefined) return standing;
  const tokens = Math.max(tokensAt(standing, ratePerSecond, now), 1 - (ratePerSecond * asked) / 1_000);
  return { ...standing, tokens, tokensAt: now };
}

/** Tokens refill with the rate; a second's worth is kept at most, and room for one call at least. */
function tokensAt({ tokens, tokensAt: since }: LocalStanding, ratePerSecond: number, now: number): number {
  return Math.min(Math.max(1, ratePerSecond), tokens + (Math.max(0, now - since) / 1_000) * ratePerSecond);
}
