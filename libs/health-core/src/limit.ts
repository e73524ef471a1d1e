import type { Choice } from './decision.js';
import { onClock, standingOf, type LocalStanding, type RoutingState } from './routing-state.js';

// A target may have a limit that the whole fleet shares: calls or tokens per minute, calls under way. Whoever keeps the count
// is asked for a place before each call. Here is what a router remembers of the answers, so that it does not ask in vain.

/** The answer is there within milliseconds; until then nobody else is sent after a call that may have taken the last place. */
const ANSWER_WITHIN_MS = 100;

/** What the shared limit of a target answered. */
export interface LimitAnswer {
  granted: boolean;
  /** Calls like this one that would find a place now, beside it. */
  room: number;
  /** With no room: milliseconds until any call, however small, may find a place; 0: a smaller one would. */
  waitMs: number;
}

/** What the answer to a call that `choose` decided on means for the next ones. A refused call was never made: it gives back all that it took. */
export function learnLimit(
  routing: RoutingState,
  { target, kind }: Pick<Choice, 'target' | 'kind'>,
  { granted, room, waitMs }: LimitAnswer,
  now: number,
): RoutingState {
  const current = onClock(routing, now);
  const asked = standingOf(current, target);
  const standing = granted ? asked : unsent(asked, kind);
  // Too small a gap for this call says nothing about a smaller one: its job alone waits.
  const learned = !granted && waitMs <= 0 ? {} : { limitRoom: room, limitedUntil: room > 0 ? 0 : now + waitMs };
  return { ...current, targets: { ...current.targets, [target]: { ...standing, ...learned } } };
}

/** A call under way has ended where calls under way are what is limited: one more may ask at once than before. */
export function learnPlaceFreed(routing: RoutingState, target: string, now: number): RoutingState {
  const current = onClock(routing, now);
  const standing = standingOf(current, target);
  if (standing.limitRoom === null) return current;
  const freed = { ...standing, limitRoom: standing.limitRoom + 1, limitedUntil: Math.min(standing.limitedUntil, now) };
  return { ...current, targets: { ...current.targets, [target]: freed } };
}

/** A call is about to ask for a place. After a refusal one call finds out whether the limit has room again, not all that wait for it. */
export function afterAsking(standing: LocalStanding, now: number): LocalStanding {
  if (standing.limitRoom === null) return standing;
  const limitRoom = Math.max(0, standing.limitRoom - 1);
  return { ...standing, limitRoom, limitedUntil: limitRoom > 0 ? standing.limitedUntil : now + ANSWER_WITHIN_MS };
}

/** A job that has nowhere else to go keeps the places for itself until it fits, or smaller ones would overtake it for ever. */
export function afterWaiting(
  routing: RoutingState,
  limited: ReadonlyMap<string, number> | undefined,
  now: number,
): RoutingState {
  if (!limited || limited.size === 0) return routing;
  const targets = { ...routing.targets };
  for (const [target, until] of limited) {
    const standing = standingOf(routing, target);
    if (until > Math.max(now, standing.limitedUntil))
      targets[target] = { ...standing, limitRoom: 0, limitedUntil: until };
  }
  return { ...routing, targets };
}

function unsent(standing: LocalStanding, kind: Choice['kind']): LocalStanding {
  const back = { ...standing, sent: Math.max(0, standing.sent - 1) };
  if (standing.ratePerSecond !== null) back.tokens = standing.tokens + 1;
  // It was due, or it would not have been chosen.
  if (kind === 'trial') Object.assign(back, { trialInFlight: false, lastTrialAt: 0 });
  if (kind === 'panic') back.lastPanicAt = 0;
  return back;
}
