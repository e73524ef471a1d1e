/** The two modes of a fleet, and how long the facts must last before it changes between them by itself. */
export interface ModeRules {
  /** Name of the mode that is normal. */
  primary: string;
  /** Name of the mode that takes over. */
  secondary: string;
  /** Every target of the primary mode down for this long without a break: switch. Milliseconds. */
  switchAfterMs: number;
  /** Some target of the primary mode up for this long without a break: switch back. Milliseconds. */
  returnAfterMs: number;
}

/**
 * Longest time between two looks over which a count goes on, milliseconds: a new leader takes over in seconds. After a longer one
 * nobody knows what was between.
 */
const LOOK_GAP_MS = 30_000;

/** `started` until the first change; `released`: an operator has handed the choice back, and it came out differently. */
export type ModeReason = 'started' | 'primary_failing' | 'primary_recovered' | 'manual' | 'released';

/** Whose targets are asked first. Plain data; times are epoch milliseconds. */
export interface FleetMode {
  /** The mode in force. */
  current: string;
  /** What the rule alone would have; an operator may have set another. */
  automatic: string;
  /** Since when what would change `automatic` has lasted: the primary mode down, or up again. Null while it does not. */
  countingSince: number | null;
  /** When the fleet was last looked at; 0: never. */
  lookedAt: number;
  /** When `current` was entered, and why. 0 at the start. */
  changedAt: number;
  reason: ModeReason;
}

/** One look at the fleet. */
export interface ModeLook {
  /** Whether any target of the primary mode is healthy. */
  isPrimaryUp: boolean;
  /** What an operator has set; null for the automatic choice. A name that is no mode counts as null. */
  setTo: string | null;
  now: number;
}

/** What the caller must tell people. */
export interface ModeChange {
  from: string;
  to: string;
  reason: ModeReason;
  /** How long the primary mode had been down (or up again) when the rule changed its mind; null when an operator did. */
  afterMs: number | null;
}

/**
 * When the mode came back by itself after an outage, 0: it did not. An operator's word is to count at once, and a mode that takes over
 * from one that is down has nobody to share with.
 */
export const returnedAt = ({ reason, changedAt }: { reason: string; changedAt: number }): number =>
  reason === ('primary_recovered' satisfies ModeReason) ? changedAt : 0;

/** The primary mode, of which nothing is known yet. */
export const initialFleetMode = ({ primary }: ModeRules): FleetMode => ({
  current: primary,
  automatic: primary,
  countingSince: null,
  lookedAt: 0,
  changedAt: 0,
  reason: 'started',
});

/**
 * Folds one look at the fleet; to be told each second. Traffic does not wait for it: shares move within seconds, the mode adds
 * one switch per outage, and a hold. The count goes on under an operator's word, so that the choice is right when it is handed back.
 */
export function fleetTransition(
  fleet: FleetMode,
  look: ModeLook,
  rules: ModeRules,
): [next: FleetMode, change: ModeChange | null] {
  const { now } = look;
  const { automatic, countingSince, lastedMs } = counted(fleet, look, rules);
  const isSet = look.setTo === rules.primary || look.setTo === rules.secondary;
  const current = isSet && look.setTo !== null ? look.setTo : automatic;
  if (current === fleet.current) return [{ ...fleet, automatic, countingSince, lookedAt: now }, null];
  const ruled = automatic === rules.primary ? 'primary_recovered' : 'primary_failing';
  const reason = isSet ? 'manual' : automatic === fleet.automatic ? 'released' : ruled;
  const change = { from: fleet.current, to: current, reason, afterMs: isSet ? null : lastedMs } satisfies ModeChange;
  return [{ current, automatic, countingSince, lookedAt: now, changedAt: now, reason }, change];
}

/** What the rule has come to. */
function counted({ automatic, countingSince, lookedAt }: FleetMode, { isPrimaryUp, now }: ModeLook, rules: ModeRules) {
  const isPrimary = automatic === rules.primary;
  if (isPrimary === isPrimaryUp) return { automatic, countingSince: null, lastedMs: null };
  // A clock that went back starts the count anew instead of waiting for the time to be reached again. So does one that leaps ahead,
  // and a time without a leader or without Redis: "without a break" would be claimed for what nobody has seen.
  const isUnbroken = countingSince !== null && now - lookedAt <= LOOK_GAP_MS;
  const since = isUnbroken ? Math.min(countingSince, now) : now;
  const lastedMs = now - since;
  const holdMs = isPrimary ? rules.switchAfterMs : rules.returnAfterMs;
  if (lastedMs < holdMs) return { automatic, countingSince: since, lastedMs: null };
  return { automatic: isPrimary ? rules.secondary : rules.primary, countingSince: null, lastedMs };
}
