import type { OpenReason, BreakerPhase } from './breaker.js';
import type { DisablingFailure } from './failure.js';
import type { Observation } from './observation.js';
import type { HealthCondition } from './assessment.js';

/**
 * What can happen to a target. `now` is the clock of whoever folds the event, when it folds it; `draw` is a random
 * number in [0, 1).
 */
export type HealthEvent =
  /** A call ended. */
  | { type: 'observed'; observation: Observation; now: number; draw: number }
  /** Time has passed; to be told each second. */
  | { type: 'ticked'; now: number; draw: number }
  /** The breaker of another target of the same provider has opened. `disabling` is set where the reason concerns both. */
  | { type: 'sibling-opened'; now: number; disabling?: SharedDisabling | undefined }
  /**
   * Another target of the provider was refused for the pace of the whole account: nobody who shares it is asked until `until`. Who has
   * answered since the refused call was begun (`since`) shows that it does not concern him.
   */
  | { type: 'sibling-blocked'; now: number; since: number; until: number }
  /** An operator takes the target out; it stays out until it is released. `reason` is for people. */
  | { type: 'held-out'; now: number; reason: string }
  /** The operator lets it in again: half-open, to be proven by probes or trials. */
  | { type: 'released'; now: number };

/** A key, an account or a region that several targets share does not work. */
export interface SharedDisabling {
  reason: DisablingFailure;
  /** When the failed call was begun: who has answered since proves that it does not concern him. */
  since: number;
  draw: number;
}

/** A 429 that spoke of the account, and not of the model alone. */
export interface AccountBlock {
  since: number;
  until: number;
}

/** Why the condition of a target changed. */
export type ChangeReason = OpenReason | 'recovered' | 'score_below_threshold' | 'score_above_threshold';

/** What the caller must do. The core never does it. */
export type HealthEffect =
  /** Tell people. */
  | {
      type: 'state-changed';
      from: HealthCondition;
      to: HealthCondition;
      reason: ChangeReason;
      scoreBefore: number;
      scoreAfter: number;
      /** The observation that tipped the scale; absent when time or an operator did. */
      cause?: Observation;
    }
  /** Publish at once, count it. `generation` is the new one; `reason` is null unless the breaker opened. */
  | {
      type: 'breaker-changed';
      from: BreakerPhase;
      to: BreakerPhase;
      generation: number;
      reason: OpenReason | null;
      cause?: Observation;
    }
  /** Send `sibling-opened` to the other targets of the same provider. */
  | { type: 'opened'; reason: OpenReason; openUntil: number; disabling?: SharedDisabling | undefined }
  /** Publish at once, tell people: the target asked to be left alone, by all routers. With `account`, send `sibling-blocked` to the other targets of the same provider. */
  | { type: 'blocked'; forMs: number; account: AccountBlock | null; cause: Observation }
  /** Warn. */
  | { type: 'slow-answer'; latencyMs: number; maxLatencyMs: number; source: Observation['source'] };
