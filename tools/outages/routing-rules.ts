import type { FailureClass } from '#libs/health-core';
import type { EventQueue } from './event-queue.js';
import type { World } from './world.js';

/** A job under way. */
export interface SimulatedJob {
  readonly number: number;
  readonly arrivedAtMs: number;
  readonly deadlineAtMs: number;
  readonly contextTokens: number;
  readonly generatedTokens: number;
  /** Calls made for it so far. */
  attempts: number;
  /** Indices of targets that failed it since it was last parked. */
  readonly tried: Set<number>;
  /** How often it went back to the queue to wait. */
  parkings: number;
  /** How its last call failed. */
  lastFailure: FailureClass | undefined;
}

/** How a call ended. */
export interface AttemptEnd {
  outcome: 'success' | FailureClass;
  startedAtMs: number;
  latencyMs: number;
  retryAfterMs: number | undefined;
  /** The job's deadline ended the call, before the target's own timeout did. */
  cutByDeadline: boolean;
}

/** What to do with a job now. */
export type Decision =
  | {
      kind: 'attempt';
      target: number;
      /** Share of first attempts that each target would get at this moment; sums to 1. Asked for with the first attempt of a job. */
      shares?: readonly number[];
      /** Told when the call has ended. */
      ended?: (end: AttemptEnd) => void;
    }
  /** Holds the caller's connection open; the job is asked about again afterwards. */
  | { kind: 'wait'; waitMs: number }
  /** Goes back to the queue, free to be tried everywhere afterwards. */
  | { kind: 'park'; waitMs: number }
  | { kind: 'give-up' };

/** A way to route, made to play against others in the same world. */
export interface RoutingRules {
  decide(job: SimulatedJob, now: number): Decision;
}

/** What rules are given to work with. */
export interface Surroundings {
  events: EventQueue;
  /** Only the oracle may look into it; the others see it through calls. */
  world: World;
  /** Uniform numbers in [0, 1), the same in each run with the same seed. */
  draw: () => number;
  /** Sends a ping to a target and tells how it ended. */
  probe: (target: number, ended: (end: AttemptEnd) => void) => void;
}

/** Makes the rules of one run. */
export type RulesFactory = (surroundings: Surroundings) => RoutingRules;
