import type { FailureClass } from '#libs/health-core';
import { drawAt, normalOf } from './draws.js';
import { ERROR_SHARE_BY_IMPACT, type Incident } from './incidents.js';
import type { SimulatedTarget } from './targets.js';

/** A call as the world sees it. `key` and `attempt` decide its luck. */
export interface Call {
  /** Index of the target. */
  target: number;
  now: number;
  key: number;
  attempt: number;
  contextTokens: number;
  generatedTokens: number;
}

/** How a call would end if nobody cut it short; a call that hangs takes forever. */
export interface CallEnd {
  outcome: 'success' | FailureClass;
  latencyMs: number;
  retryAfterMs?: number;
}

/** Share of calls that fail while no incident is on. */
const QUIET_ERROR_SHARE = 0.002;
/** Share of failures that hang until somebody gives up; the others answer with an error at once. */
const HANG_SHARE = 0.3;
/** Spread (sigma of a lognormal) of the time to the first token, and of the speed after it. */
const FIRST_TOKEN_SPREAD = 0.4;
const SPEED_SPREAD = 0.25;
/** Reading the prompt takes time too. */
const CONTEXT_TOKEN_MS = 0.05;

/** Providers that follow incidents. Truth that no policy but the oracle may ask for is in `errorShare`. */
export class World {
  readonly #pieces: readonly (readonly Incident[])[];
  readonly #cursors: number[];
  readonly #tokens: number[];
  readonly #refilledAt: number[];

  constructor(
    readonly targets: readonly SimulatedTarget[],
    incidents: readonly Incident[],
    private readonly seed: number,
  ) {
    this.#pieces = targets.map(({ provider }) => incidents.filter((incident) => incident.provider === provider));
    this.#cursors = targets.map(() => 0);
    this.#tokens = targets.map(({ callsAtOnce }) => callsAtOnce);
    this.#refilledAt = targets.map(() => 0);
  }

  /** The incident that a target is in, if it is in one. Times must not go back from question to question. */
  incidentOf(target: number, now: number): Incident | undefined {
    const pieces = this.#pieces[target] ?? [];
    let cursor = this.#cursors[target] ?? 0;
    while ((pieces[cursor]?.endMs ?? Infinity) <= now) cursor++;
    this.#cursors[target] = cursor;
    const piece = pieces[cursor];
    return piece && piece.startMs <= now ? piece : undefined;
  }

  /** Share of calls that a target fails at this time, 0–1. */
  errorShare(target: number, now: number): number {
    const incident = this.incidentOf(target, now);
    return incident ? (ERROR_SHARE_BY_IMPACT[incident.impact] ?? 1) : QUIET_ERROR_SHARE;
  }

  /** Carries a call out. The provider's own rate limit sees each call that it answers. */
  call({ target: index, now, key, attempt, contextTokens, generatedTokens }: Call): CallEnd {
    const target = this.targets[index] as SimulatedTarget;
    const draw = (purpose: number) => drawAt(this.seed, key, attempt * 8 + index, purpose);
    if (draw(1) < this.errorShare(index, now)) {
      if (draw(2) < HANG_SHARE) return { outcome: 'timeout', latencyMs: Infinity };
      return { outcome: draw(3) < 0.5 ? 'overloaded' : 'server_error', latencyMs: 80 + 320 * draw(4) };
    }
    const waitMs = this.#takeToken(index, target, now);
    if (waitMs > 0)
      return { outcome: 'rate_limited', latencyMs: 60 + 120 * draw(4), retryAfterMs: Math.ceil(waitMs / 1000) * 1000 };

    const firstTokenMs = target.firstTokenMs * Math.exp(FIRST_TOKEN_SPREAD * normalOf(draw(5), draw(6)));
    const tokenMs = target.tokenMs * Math.exp(SPEED_SPREAD * normalOf(draw(7), draw(8)));
    return {
      outcome: 'success',
      latencyMs: firstTokenMs + contextTokens * CONTEXT_TOKEN_MS + generatedTokens * tokenMs,
    };
  }

  #takeToken(index: number, { callsPerSecond, callsAtOnce }: SimulatedTarget, now: number): number {
    const elapsedMs = now - (this.#refilledAt[index] ?? now);
    const tokens = Math.min(callsAtOnce, (this.#tokens[index] ?? 0) + (elapsedMs * callsPerSecond) / 1000);
    this.#refilledAt[index] = now;
    if (tokens < 1) {
      this.#tokens[index] = tokens;
      return ((1 - tokens) / callsPerSecond) * 1000;
    }
    this.#tokens[index] = tokens - 1;
    return 0;
  }
}
