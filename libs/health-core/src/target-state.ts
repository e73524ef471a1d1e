import { articleScore, HEALTHY_ABOVE_SCORE, successRate } from './article-score.js';

/**
 * All that is remembered of one target. Plain data of constant size, so that it can be stored as JSON and taken up by
 * the next leader. Times are epoch milliseconds on one clock; 0 means never.
 */
export interface TargetState {
  available: boolean;
  /** Of the last successful probe. Answers to real traffic differ in length, so their latency says little. */
  latencyMs: number | null;
  /** Counted calls, from probes and traffic, since the target was first configured. */
  requests: number;
  failures: number;
  /** Failures since the last success. */
  consecutiveFailures: number;
  lastCheckAt: number;
  lastProbeAt: number;
  lastSuccessAt: number;
  lastFailureAt: number;
  /** When `available` last changed. What began earlier must not change it again. */
  availabilityChangedAt: number;
  /** What the last failure said; null after a success. */
  errorMessage: string | null;
  /** Traceparent of the call that made the target unavailable; null while it is available. */
  evidence: string | null;
}

/** The three conditions of a target: used, used only when nothing better is left, left alone. */
export type HealthCondition = 'healthy' | 'unhealthy' | 'unavailable';

/** State of a target of which nothing is known: available, with the best score. */
export function initialTargetState(): TargetState {
  return {
    available: true,
    latencyMs: null,
    requests: 0,
    failures: 0,
    consecutiveFailures: 0,
    lastCheckAt: 0,
    lastProbeAt: 0,
    lastSuccessAt: 0,
    lastFailureAt: 0,
    availabilityChangedAt: 0,
    errorMessage: null,
    evidence: null,
  };
}

/** Score of a target, 0–100. */
export function scoreOf(state: TargetState): number {
  return articleScore(state.latencyMs, successRate(state.requests, state.failures));
}

/** `healthy` needs both: to be available, and a score above 50. */
export function conditionOf(state: TargetState): HealthCondition {
  if (!state.available) return 'unavailable';
  return scoreOf(state) > HEALTHY_ABOVE_SCORE ? 'healthy' : 'unhealthy';
}
