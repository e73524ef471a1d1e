import { Injectable } from '@nestjs/common';
import { ATTR, type Attempt, type CompletionJob } from '#libs/contracts';
import type { TargetConfig } from '#libs/config';
import { type Choice, consequenceOf, type Observation, type TargetView } from '#libs/health-core';
import { type CallOutcome, summaryOf } from '#libs/providers';
import { ObservationWriter } from '#libs/store';
import { RoutingMetrics } from '#libs/telemetry';
import { DecisionService } from './decision.service.js';
import { HealthViewService } from './health-view.service.js';
import { TargetCallsService } from './target-calls.service.js';

/** One call that was decided on. */
export interface PlannedAttempt {
  job: CompletionJob;
  choice: Choice;
  /** Of the chosen target, as the decision saw it. */
  view: TargetView | undefined;
  /** 1 for the first call of the job. */
  number: number;
  /** Until the deadline of the job, in milliseconds. */
  leftMs: number;
  /** Whether another target could be asked if this one fails. */
  hasNext: boolean;
  signal: AbortSignal;
}

/** Makes one call, and tells everybody who learns from it: metrics, the aggregator, and this router itself. */
@Injectable()
export class AttemptService {
  constructor(
    private readonly targets: TargetCallsService,
    private readonly decisions: DecisionService,
    private readonly health: HealthViewService,
    private readonly observations: ObservationWriter,
    private readonly metrics: RoutingMetrics,
  ) {}

  /** Never rejects for what a provider does. */
  async make(planned: PlannedAttempt): Promise<{ outcome: CallOutcome; attempt: Attempt }> {
    const { choice, number, leftMs } = planned;
    const target = this.targets.target(choice.target);
    const startedAt = Date.now();
    const generation = this.health.publishedGeneration(target.id);
    const { outcome, traceparent } = await this.#call(planned, target);
    if (outcome.ok) this.metrics.attemptSucceeded(target.model, outcome.latencyMs);
    else this.metrics.attemptFailed(target.model, outcome.failure, outcome.latencyMs);
    // A call that the job's own deadline cut short proves nothing about the target.
    const blameless = !outcome.ok && outcome.failure === 'timeout' && leftMs < target.timeoutMs;
    this.#learn({ ...endOf(choice, outcome, blameless), ...(!outcome.ok && { evidence: traceparent }) }, generation);
    return { outcome, attempt: attemptOf(number, target, outcome, startedAt) };
  }

  async #call({ job, choice, view, number, leftMs, hasNext, signal }: PlannedAttempt, target: TargetConfig) {
    try {
      return await this.targets.call(target.id, {
        request: job.request,
        timeoutMs: Math.min(target.timeoutMs, leftMs),
        signal,
        attributes: {
          [ATTR.trafficType]: 'user',
          [ATTR.attemptNumber]: number,
          [ATTR.attemptKind]: number === 1 ? 'primary' : 'failover',
          [ATTR.attemptChoice]: choice.kind,
          [ATTR.routeShare]: choice.share,
          ...(view && { [ATTR.routeScore]: view.score, [ATTR.routeWeight]: view.weight }),
        },
        nextAction: ({ failure }) => (consequenceOf(failure).failover && hasNext ? 'failover' : 'give_up'),
      });
    } catch (error) {
      // A fault of our own must not keep the target's trial slot for ever.
      this.decisions.settle({ ...endOf(choice, null, true), latencyMs: 0 });
      throw error;
    }
  }

  #learn(end: Omit<Observation, 'id'>, publishedGeneration: number | undefined): void {
    this.decisions.settle(end);
    this.health.observe({ ...end, id: '' }, Date.now());
    // While we go by ourselves we count generations of our own, of which the aggregator knows nothing.
    const { generation: _, ...told } = end;
    this.observations.report(publishedGeneration === undefined ? told : { ...told, generation: publishedGeneration });
  }
}

/** What a call says about its target; a blameless one says nothing, but gives its trial slot back. */
function endOf(choice: Choice, outcome: CallOutcome | null, blameless: boolean): Omit<Observation, 'id'> {
  const failure = outcome?.ok === false && !blameless ? outcome : undefined;
  return {
    target: choice.target,
    source: 'traffic',
    outcome: blameless ? 'cancelled' : (failure?.failure ?? 'success'),
    latencyMs: outcome?.latencyMs ?? 0,
    at: Date.now(),
    generation: choice.generation,
    ...(choice.kind === 'trial' && { trial: true }),
    ...(choice.kind === 'panic' && { panic: true }),
    ...(failure && { errorMessage: summaryOf(failure) }),
    ...(failure?.retryAfterMs !== undefined && { retryAfterMs: failure.retryAfterMs }),
  };
}

function attemptOf(number: number, target: TargetConfig, outcome: CallOutcome, startedAt: number): Attempt {
  return {
    number,
    target: target.id,
    outcome: outcome.ok ? 'success' : outcome.failure,
    ...(outcome.httpStatus !== undefined && { httpStatus: outcome.httpStatus }),
    ...(!outcome.ok && { message: outcome.message }),
    startedAt,
    latencyMs: Math.round(outcome.latencyMs * 10) / 10,
  };
}
