import { movedBack } from './clock.js';

/** What one router knows of one target by itself. */
export interface LocalStanding {
  /** Failures in a row seen by this router. */
  consecutiveFailures: number;
  /** Skipped until then, after a row of failures. */
  skipUntil: number;
  /** When a call to its host last failed for its name or its certificate; 0: never, or it has answered since. */
  hostFailedAt: number;
  /** Blocked until then, by a 429 that it met itself. */
  blockedUntil: number;
  /** Blocks in a row without a success between; a burst of 429s counts once. */
  throttles: number;
  /** Learned send rate, calls per second; null while there is no limit. */
  ratePerSecond: number | null;
  /** Calls that may leave now under the learned rate. */
  tokens: number;
  tokensAt: number;
  /** When the rate was last cut. */
  rateCutAt: number;
  /** Whether a call that began after the last cut has succeeded. */
  succeededSinceCut: boolean;
  /** Calls sent since the target was last opened again for all routers, and when the first of them left. */
  sentSinceOpen: number;
  openedAt: number;
  /** Over the limit that the fleet shares until then, as far as this router has heard. */
  limitedUntil: number;
  /** Calls that would still have found a place there when it was last asked; null: it never was. */
  limitRoom: number | null;
  /** Calls sent, decayed with `sendRateHalfLifeMs`, as of `sentAt`. */
  sent: number;
  sentAt: number;
  /** The router's one trial slot for this target is taken. */
  trialInFlight: boolean;
  lastTrialAt: number;
  lastPanicAt: number;
}

/** The state of the smooth round robin over one group of targets. */
export interface Turns {
  targets: readonly string[];
  /** How much of its share each of them has not had yet. */
  credits: readonly number[];
}

/** All that one router knows by itself. Plain data; `choose` and `settle` return a new one. */
export interface RoutingState {
  /** By target id; a target is added when it is first met. */
  targets: Readonly<Record<string, LocalStanding>>;
  /** Whose turn it is. Routes take turns apart from each other, or one could take the turns of another. */
  turns: readonly Turns[];
  /** The latest `now` seen; a clock that goes back moves all times back with it. */
  seenAt: number;
}

const UNKNOWN: LocalStanding = {
  consecutiveFailures: 0,
  skipUntil: 0,
  hostFailedAt: 0,
  blockedUntil: 0,
  throttles: 0,
  ratePerSecond: null,
  tokens: 0,
  tokensAt: 0,
  rateCutAt: 0,
  succeededSinceCut: true,
  sentSinceOpen: 0,
  openedAt: 0,
  limitedUntil: 0,
  limitRoom: null,
  sent: 0,
  sentAt: 0,
  trialInFlight: false,
  lastTrialAt: 0,
  lastPanicAt: 0,
};

/** A router that has just started. */
export function initialRoutingState(): RoutingState {
  return { targets: {}, turns: [], seenAt: 0 };
}

/** What the router knows of this target; the blank standing if it has not met it. */
export function standingOf(routing: RoutingState, target: string): LocalStanding {
  return routing.targets[target] ?? UNKNOWN;
}

/** The state with its times on the clock of `now`, should that have gone back. */
export function onClock(routing: RoutingState, now: number): RoutingState {
  const backMs = routing.seenAt - now;
  const { turns } = routing;
  if (backMs <= 0) return { targets: routing.targets, turns, seenAt: now };
  const moved = Object.entries(routing.targets).map(([id, standing]) => [id, movedBack(standing, TIMES, backMs)]);
  return { targets: Object.fromEntries(moved), turns, seenAt: now };
}

const TIMES = [
  'skipUntil',
  'hostFailedAt',
  'blockedUntil',
  'tokensAt',
  'rateCutAt',
  'openedAt',
  'limitedUntil',
  'sentAt',
  'lastTrialAt',
  'lastPanicAt',
] as const satisfies (keyof LocalStanding)[];
