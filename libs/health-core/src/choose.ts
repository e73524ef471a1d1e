import { alternativeOf, freeInMs, type Alternative } from './alternative.js';
import { drawOr, isTime } from './clock.js';
import type { Again, Decision, ExclusionReason, RouteQuestion, Share } from './decision.js';
import { afterAsking, afterWaiting } from './limit.js';
import type { Field, Pick } from './pick.js';
import { insteadOfWaiting, lastResortOf, waitMs } from './pick-at-last.js';
import { fairShares, ofGroup, trialOf } from './pick-from-group.js';
import type { HealthPolicy } from './policy.js';
import { afterSending } from './rate-limit.js';
import { afterReopening } from './shared-block.js';
import { onClock, type RoutingState } from './routing-state.js';
import type { TargetView } from './target-view.js';

/**
 * Decides whom to ask now, or how long to wait. In this order:
 *
 * 0. the target that failed last, where it dropped the connection without an answer
 * 1. a first attempt may be the trial of a half-open target of the route
 * 2. the preferred target, while it is well
 * 3. the route's targets by their shares: first attempts in turn, retries at random; after a failure those of other
 *    providers if there are any
 * 4. the stand-ins in the same way (1 and 3)
 * 5. the fallback chain, in its own order
 *    and then the target that failed last once more, where its failure allows that
 * 6. last resort: drained or unhealthy targets, then those of a host that was not reached lately, unless a better one is free within `retryAfterWindowMs`
 * 7. with nobody closed whom waiting for `retryAfterWindowMs` would free: a trial of a half-open target, of either mode
 *    and with no breaker closed at all: now and then a real attempt at an open one (panic)
 * 8. wait
 *
 * A pin leaves one alternative, whatever its health. Nothing is asked while it is blocked by a 429 or over its limit.
 * @param draw random number in [0, 1)
 */
export function choose(
  question: RouteQuestion,
  routing: RoutingState,
  clock: number,
  draw: number,
  policy: HealthPolicy,
): Decision {
  // A broken clock stands still: no time that is kept may become NaN.
  const now = isTime(clock) ? clock : routing.seenAt;
  const current = onClock(routing, now);
  const chance = drawOr(draw);
  const field = fieldOf(question, current, now, policy);
  const { isRetry } = question;
  const own = fairShares(field.primary, question, policy);
  const canAnswer = own.some((share) => share > 0);
  const group = canAnswer ? field.primary : field.standIns;
  const shares = canAnswer ? own : fairShares(field.standIns, question, policy);

  const pick = question.pin
    ? (pinned(field, now) ?? againOf(field))
    : (againOf(field, 'unanswered') ??
      trialOf(field.primary, isRetry, now, chance, policy) ??
      preferredOf(field, policy) ??
      trialOf(group, isRetry, now, chance, policy) ??
      ofGroup(group, shares, canAnswer ? 'primary' : 'stand-in', isRetry, current, chance) ??
      fallbackOf(field) ??
      againOf(field, 'alone') ??
      lastResortOf(field, now, policy) ??
      insteadOfWaiting(field, now, policy));

  const told = { shares: sharesTold(group, shares), excluded: exclusions(field) };
  if (pick?.kind === 'again' && question.again && question.again.at > now)
    return { choice: null, waitMs: 0, pauseMs: question.again.at - now, ...told, routing: current };

  return {
    choice: pick && {
      target: pick.chosen.view.target,
      kind: pick.kind,
      share: pick.share,
      generation: pick.chosen.view.generation,
    },
    waitMs: pick ? 0 : waitMs(field, question.parkings ?? 0, now, chance, policy),
    ...told,
    routing: pick ? afterPick(current, pick, now, policy) : afterWaiting(current, question.limited, now),
  };
}

function fieldOf(question: RouteQuestion, routing: RoutingState, now: number, policy: HealthPolicy): Field {
  const { pin } = question;
  const look = (view: TargetView): Alternative => {
    const alternative = alternativeOf(view, question, routing, now, policy);
    if (pin && view.target !== pin.target) alternative.barrier = 'not_pinned';
    return alternative;
  };
  const primary = question.primary.map(look);
  const standIns = question.standIns.map(look);
  const fallbacks = question.fallbacks.map(look);
  const preferred = question.preferred && look(question.preferred);
  const others = [preferred, pin && look(pin)].filter((one) => one !== undefined);
  const everyone = [...primary, ...standIns, ...fallbacks, ...others];
  return { primary, standIns, fallbacks, preferred, everyone, again: againIn(question, routing, now, policy) };
}

/** As if it had not been tried. What the failure did to it counts: an open breaker, a row of failures. */
function againIn(question: RouteQuestion, routing: RoutingState, now: number, policy: HealthPolicy): Field['again'] {
  const { again } = question;
  if (!again) return undefined;
  const alternative = alternativeOf(again.view, { ...question, tried: new Set() }, routing, now, policy);
  return { alternative, when: again.when };
}

function againOf({ again }: Field, when?: Again['when']): Pick | null {
  if (!again || (when !== undefined && again.when !== when)) return null;
  const { barrier } = again.alternative;
  // A target without a weight is asked when nobody else is left; then it is as good as any.
  if (barrier !== null && barrier !== 'drained') return null;
  return { chosen: again.alternative, kind: 'again', share: 1 };
}

function pinned({ everyone }: Field, now: number): Pick | null {
  const pin = everyone.find(({ barrier }) => barrier !== 'not_pinned');
  if (!pin || pin.barrier === 'tried' || freeInMs(pin, now) > 0) return null;
  return { chosen: pin, kind: 'pinned', share: 1 };
}

function preferredOf({ preferred }: Field, policy: HealthPolicy): Pick | null {
  if (!preferred || preferred.barrier !== null) return null;
  if (preferred.view.healthFactor < policy.preferredMinFactor) return null;
  return { chosen: preferred, kind: 'preferred', share: 1 };
}

function fallbackOf({ fallbacks }: Field): Pick | null {
  const chosen = fallbacks.find(({ barrier }) => barrier === null);
  return chosen ? { chosen, kind: 'fallback', share: 1 } : null;
}

function sharesTold(group: readonly Alternative[], shares: readonly number[]): Share[] {
  const list: Share[] = [];
  for (const [i, { view }] of group.entries()) {
    const share = shares[i] ?? 0;
    if (share > 0) list.push({ target: view.target, share, score: view.score, weight: view.weight });
  }
  return list;
}

function exclusions({ everyone }: Field): Decision['excluded'] {
  const reasons = new Map<string, ExclusionReason>();
  for (const { view, barrier } of everyone) if (barrier !== null) reasons.set(view.target, barrier);
  return Array.from(reasons, ([target, reason]) => ({ target, reason }));
}

function afterPick(
  { targets, turns: before, seenAt }: RoutingState,
  { chosen, kind, turns = before }: Pick,
  now: number,
  policy: HealthPolicy,
): RoutingState {
  const counted = afterReopening(afterSending(chosen.standing, now, policy), chosen.view.blockedUntil, now);
  const sent = afterAsking(counted, now);
  if (kind === 'trial') Object.assign(sent, { trialInFlight: true, lastTrialAt: now });
  if (kind === 'panic') sent.lastPanicAt = now;
  return { targets: { ...targets, [chosen.view.target]: sent }, turns, seenAt };
}
