import type { SameTargetRetry } from './failure.js';
import type { RoutingState } from './routing-state.js';
import type { TargetView } from './target-view.js';

/** A second call to a target that has just failed. It is made only while nothing stands against the target. */
export interface Again {
  view: TargetView;
  /** `unanswered`: before anybody else; `alone`: when no other target is well. */
  when: SameTargetRetry['when'];
  /** Not earlier, epoch milliseconds. */
  at: number;
}

/** What one routing decision rests on, beside the router's own state. */
export interface RouteQuestion {
  /** The route's own targets. */
  primary: readonly TargetView[];
  /** Other targets that answer in their place when none of them can. */
  standIns: readonly TargetView[];
  /** Tried in this order after those. */
  fallbacks: readonly TargetView[];
  /** Asked first while it is well. */
  preferred?: TargetView | undefined;
  /** The only target that may be asked, whatever its health. */
  pin?: TargetView | undefined;
  /** Targets that this job has asked in this pass; they are not asked again. */
  tried: ReadonlySet<string>;
  /** Providers whose targets failed this job (not: throttled it) in this pass; others are asked first. */
  failedProviders: ReadonlySet<string>;
  /** Targets that had no place for this job, and until when they have none, epoch milliseconds. */
  limited?: ReadonlyMap<string, number> | undefined;
  /** Whether the job has made an attempt in this pass. Retries are never trials. */
  isRetry: boolean;
  /** The target that failed last, if it may be asked once more although it is among `tried`. */
  again?: Again | undefined;
  /** How often this job has been parked; it makes the next wait longer. */
  parkings?: number | undefined;
}

/** Under which title a target is asked. `trial` and `panic` must be told in the observation of the call. */
export type ChoiceKind =
  | 'pinned'
  | 'again'
  | 'preferred'
  | 'primary'
  | 'stand-in'
  | 'fallback'
  | 'trial'
  | 'last-resort'
  | 'panic';

/** The target to ask now. */
export interface Choice {
  target: string;
  kind: ChoiceKind;
  /** Its share among the alternatives of the decision, 0–1; 1 where there was none. */
  share: number;
  /** To be carried in the observation of the call. */
  generation: number;
}

/** A target's part in the traffic at this moment. */
export interface Share {
  target: string;
  /** 0–1; the shares of one decision sum to 1. */
  share: number;
  score: number;
  /** Configured weight. */
  weight: number;
}

/** Why a target was not among the alternatives. */
export type ExclusionReason =
  | 'not_pinned'
  | 'tried'
  /** Taken out by an operator. */
  | 'held_out'
  /** Unusable until somebody changes something: key, quota, model, region. */
  | 'disabled'
  | 'open'
  | 'half_open'
  /** By a 429. */
  | 'blocked'
  /** Over the limit that the fleet shares. */
  | 'limited'
  /** Its learned rate is used up for the moment, or it is only just being opened again. */
  | 'paced'
  /** This router has seen a row of failures. */
  | 'skipped'
  /** This router has lately failed to reach its host at all: no such name, or no trust in its certificate. */
  | 'host_skipped'
  /** Weight 0. */
  | 'drained'
  /** Article profile: score at or below the threshold. */
  | 'unhealthy';

/** The answer to a question: a target, or how long to wait before asking again. */
export interface Decision {
  choice: Choice | null;
  /** 0 with a choice; otherwise how long to park the job. The caller fails it instead when its deadline is nearer. */
  waitMs: number;
  /** Without a choice: how long until the target that failed last may be asked once more. The question is to be put again then. */
  pauseMs?: number | undefined;
  /** Of the group that answered the question (primary or stand-ins); empty when neither could. */
  shares: Share[];
  excluded: { target: string; reason: ExclusionReason }[];
  /** To be kept in place of the one given: a choice has been counted as sent, a wait for a place keeps the place. */
  routing: RoutingState;
}
