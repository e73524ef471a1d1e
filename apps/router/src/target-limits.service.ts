import { Inject, Injectable, Logger } from '@nestjs/common';
import type { TargetConfig, UnderstudyConfig } from '#libs/config';
import type { JobPayload } from '#libs/contracts';
import type { Choice, Decision, TargetView } from '#libs/health-core';
import type { CallOutcome } from '#libs/providers';
import { type LimitKind, type PlaceAnswer, TargetLimits } from '#libs/store';
import { LimitMetrics } from '#libs/telemetry';
import { DecisionService } from './decision.service.js';
import { reservationFor, usedOf } from './reserved-tokens.js';
import { ROUTER_CONFIG } from './router.tokens.js';

/** Bounds of the time after which a router asks again while all places are taken by calls under way. */
const SOONEST_LOOK_MS = 50;
const LATEST_LOOK_MS = 1_000;

/** Between two lines about the same target. */
const LOG_PERIOD_MS = 60_000;

/** The right to make one call. */
export interface CallPlace {
  /** To be called once the call has ended. */
  ended(outcome: CallOutcome, usedTokens?: number): void;
  /** The call was never made, or nobody knows how it ended. Without effect after `ended`. */
  release(): void;
}

/** The target has no place for this call, and will have none until then. */
export interface NoPlace {
  kind: LimitKind;
  /** Epoch milliseconds. */
  until: number;
}

/** One call that was decided on. */
interface PlannedCall {
  choice: Choice;
  view: TargetView | undefined;
  job: JobPayload;
  /** Until the deadline of the job, in milliseconds. */
  leftMs: number;
}

/** Keeps to what targets allow the whole fleet, and tells the core what it heard. A target without limits costs nothing. */
@Injectable()
export class TargetLimitsService {
  readonly #log = new Logger(TargetLimitsService.name);
  readonly #limited: ReadonlyMap<string, TargetConfig>;
  /** Limit that bound each target last. */
  readonly #binding = new Map<string, LimitKind>();
  readonly #toldAt = new Map<string, number>();

  constructor(
    @Inject(ROUTER_CONFIG) config: UnderstudyConfig,
    private readonly limits: TargetLimits,
    private readonly decisions: DecisionService,
    private readonly metrics: LimitMetrics,
  ) {
    this.#limited = new Map(config.targets.filter(({ limits: set }) => set).map((target) => [target.id, target]));
  }

  /** Asks for a place for a call that was decided on. After a refusal nothing is to be settled: the decision is taken back. */
  async take({ choice, view, job, leftMs }: PlannedCall): Promise<CallPlace | NoPlace> {
    const target = this.#limited.get(choice.target);
    if (!target?.limits) return FREE;
    const reservation = reservationFor(job, target);
    const { maxInFlight = 1 } = target.limits;
    const usualMs = (view?.usualLatencyMs ?? LATEST_LOOK_MS) / maxInFlight;
    const answer = await this.limits.take(target.id, target.limits, {
      tokens: reservation.total,
      callMs: Math.max(1, Math.min(target.timeoutMs, leftMs)),
      nextEndMs: Math.min(LATEST_LOOK_MS, Math.max(SOONEST_LOOK_MS, usualMs)),
    });
    this.decisions.learnLimit(choice, answer);
    if (answer.kind) this.#binding.set(target.id, answer.kind);
    if (!answer.granted) return this.#refused(target, answer);
    const { place } = answer;
    let held = true;
    const giveBack = (tokens?: number) => {
      if (!held) return;
      held = false;
      place.giveBack(tokens);
      if (this.#binding.get(target.id) === 'in_flight') this.decisions.learnPlaceFreed(target.id);
    };
    return {
      ended: (outcome, usedTokens = 0) => giveBack(usedOf(reservation, outcome, usedTokens)),
      release: () => giveBack(),
    };
  }

  /**
   * A decision left these targets out; those that are over a limit are counted.
   * @param counted targets that were counted for this job already; it grows
   */
  heldBack(excluded: Decision['excluded'], counted: Set<string>): void {
    for (const { target, reason } of excluded) {
      if (reason !== 'limited' || counted.has(target)) continue;
      counted.add(target);
      const model = this.#limited.get(target)?.model;
      if (model !== undefined) this.metrics.waited(model, this.#binding.get(target) ?? 'unreachable');
    }
  }

  #refused({ id }: TargetConfig, { kind, ownWaitMs }: Extract<PlaceAnswer, { granted: false }>): NoPlace {
    const known = kind ?? 'unreachable';
    const now = performance.now();
    if (now - (this.#toldAt.get(id) ?? -Infinity) >= LOG_PERIOD_MS) {
      this.#toldAt.set(id, now);
      this.#log.warn({
        event: 'llm.target.limited',
        target: id,
        kind: known,
        wait_ms: ownWaitMs,
        msg: `${id} is at its limit (${known}): jobs go elsewhere or wait`,
      });
    }
    return { kind: known, until: Date.now() + ownWaitMs };
  }
}

const FREE: CallPlace = { ended: () => undefined, release: () => undefined };
