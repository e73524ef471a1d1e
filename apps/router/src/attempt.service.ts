import { Injectable, Logger } from '@nestjs/common';
import { ATTR, type Attempt, type ChatChunk, type JobPayload } from '#libs/contracts';
import type { TargetConfig } from '#libs/config';
import { type Choice, type Observation, type TargetView } from '#libs/health-core';
import { isSubstitute, PriceList } from '#libs/pricing';
import { type CallOutcome, type FailedCall, summaryOf } from '#libs/providers';
import { ClockOnDemand } from '#libs/redis';
import { ObservationWriter } from '#libs/store';
import { AnswerMetrics, RoutingMetrics } from '#libs/telemetry';
import { DecisionService } from './decision.service.js';
import { HealthViewService } from './health-view.service.js';
import { nextActionAfter } from './next-step.js';
import { RequestFaultWatch } from './request-fault-watch.js';
import { type ServedAnswer, serve } from './served-answer.js';
import { TargetCallsService } from './target-calls.service.js';
import type { CallPlace } from './target-limits.service.js';

/** Providers choose the names that they answer with, so there must be an end. */
const MOST_SUBSTITUTES = 1_000;

/** Hears of a job's calls while they are made. */
export interface AttemptListener {
  /** Before the call leaves. */
  starting(attempt: { number: number; target: string; startedAt: number }): void;
  /** What a streamed answer says, as it is said; a call that fails later has said it all the same. */
  said?: ((attempt: { number: number; target: string }, chunk: ChatChunk) => void) | undefined;
  /** When the call has ended, however. */
  ended?: ((attempt: Attempt) => void) | undefined;
}

/** One call that was decided on. */
export interface PlannedAttempt {
  job: JobPayload;
  choice: Choice;
  /** Of the chosen target, as the decision saw it. */
  view: TargetView | undefined;
  /** Under the limits of the target; given back when the call has ended. */
  place: CallPlace;
  /** 1 for the first call of the job. */
  number: number;
  /** Until the deadline of the job, in milliseconds. */
  leftMs: number;
  /** Whether another target could be asked if this one fails. */
  hasNext: boolean;
  /** Whether this target could be asked once more if it fails. */
  mayRepeat: boolean;
  signal: AbortSignal;
  listener: AttemptListener;
}

/** One call that was made: what became of it, and how it is told to the caller. */
export type MadeAttempt = { attempt: Attempt } & (
  | { outcome: Extract<CallOutcome, { ok: true }>; answer: ServedAnswer }
  | { outcome: FailedCall; answer?: undefined }
);

/** Makes one call, and tells everybody who learns from it: metrics, the aggregator, and this router itself. */
@Injectable()
export class AttemptService {
  readonly #log = new Logger(AttemptService.name);
  readonly #prices = new PriceList();
  readonly #requestFaults = new RequestFaultWatch();
  /** Pairs of models that were told already: asked for and served. */
  readonly #substitutes = new Set<string>();

  constructor(
    private readonly targets: TargetCallsService,
    private readonly clock: ClockOnDemand,
    private readonly decisions: DecisionService,
    private readonly health: HealthViewService,
    private readonly observations: ObservationWriter,
    private readonly metrics: RoutingMetrics,
    private readonly answers: AnswerMetrics,
  ) {}

  /** Never rejects for what a provider does. */
  async make(planned: PlannedAttempt): Promise<MadeAttempt> {
    try {
      return await this.#make(planned);
    } finally {
      // A fault of our own must not keep the place.
      planned.place.release();
    }
  }

  async #make(planned: PlannedAttempt): Promise<MadeAttempt> {
    const { choice, number, leftMs, place } = planned;
    const target = this.targets.target(choice.target);
    // Attempts of one job may be made by several routers; their times must fit together.
    const startedAt = Math.round(this.clock.read());
    planned.listener.starting({ number, target: target.id, startedAt });
    const generation = this.health.publishedGeneration(target.id);
    const { outcome, traceparent } = await this.#call(planned, target);
    // A call that the job's own deadline cut short proves nothing about the target. The other timers are the target's own.
    const blameless = !outcome.ok && outcome.deadline === 'total' && leftMs < target.timeoutMs;
    this.#learn({ ...endOf(choice, outcome, blameless), ...(!outcome.ok && { evidence: traceparent }) }, generation);
    this.#tellRequestFaults(target, outcome);
    const attempt = attemptOf(number, target, outcome, startedAt);
    if (!outcome.ok) {
      place.ended(outcome);
      this.metrics.attemptFailed(target.model, outcome.failure, outcome.latencyMs);
      if (outcome.discardedChars) this.answers.partialDiscarded(target.model, outcome.discardedChars);
      return { outcome, attempt };
    }
    this.metrics.attemptSucceeded(target.model, outcome.latencyMs);
    const from = { target, provider: this.targets.provider(target.provider), job: planned.job };
    const mode = this.decisions.servedMode(target.id, planned.job.routing?.mode);
    const answer = { ...serve(outcome, from, this.#prices), mode };
    place.ended(outcome, answer.usage.inputTokens + answer.usage.outputTokens);
    this.#tellAnswer(target, answer, outcome.firstTokenMs);
    return { outcome, answer, attempt: { ...attempt, costUsd: answer.cost.usd } };
  }

  /** What the callers of many targets have in common is their own fault; what only one target minds is ours. */
  #tellRequestFaults({ id, model }: TargetConfig, outcome: CallOutcome): void {
    const faults = this.#requestFaults.heard(id, outcome.ok ? 'success' : outcome.failure);
    if (!faults) return;
    const share = Math.round(faults.share * 100) / 100;
    this.#log.warn({
      event: 'llm.target.refuses_requests',
      target: id,
      model,
      in_a_row: faults.inARow,
      share,
      msg: `${id} refuses requests that others would take: does it need fields renamed or dropped (targets[].request)?`,
    });
  }

  #tellAnswer({ id, model }: TargetConfig, { servedModel, usage, cost }: ServedAnswer, firstTokenMs?: number): void {
    this.answers.answered({ model, firstTokenMs, ...usage, usd: cost.usd });
    if (servedModel === undefined || !isSubstitute(model, servedModel)) return;
    this.answers.modelSubstituted(model);
    const pair = `${id} ${servedModel}`;
    if (this.#substitutes.has(pair) || this.#substitutes.size >= MOST_SUBSTITUTES) return;
    this.#substitutes.add(pair);
    this.#log.warn({ event: 'llm.model.substituted', target: id, asked: model, served: servedModel });
  }

  async #call(planned: PlannedAttempt, target: TargetConfig) {
    const { job, choice, view, number, leftMs, signal } = planned;
    const { said } = planned.listener;
    try {
      return await this.targets.call(target.id, {
        job,
        leftMs,
        usualFirstTokenMs: view?.usualProbeMs ?? this.targets.expectedFirstTokenMs(target),
        signal,
        onDelta: said && ((chunk) => said({ number, target: target.id }, chunk)),
        attributes: {
          [ATTR.trafficType]: 'user',
          [ATTR.attemptNumber]: number,
          [ATTR.attemptKind]: choice.kind === 'again' ? 'retry' : number === 1 ? 'primary' : 'failover',
          [ATTR.attemptChoice]: choice.kind,
          [ATTR.routeShare]: choice.share,
          ...(view && { [ATTR.routeScore]: view.score, [ATTR.routeWeight]: view.weight }),
        },
        nextAction: (failed) => nextActionAfter(failed, planned),
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
    ...(failure?.httpStatus !== undefined && { httpStatus: failure.httpStatus }),
    ...(failure?.scope !== undefined && { scope: failure.scope }),
    ...(failure?.retryAfterMs !== undefined && { retryAfterMs: failure.retryAfterMs }),
    ...(outcome?.firstTokenMs !== undefined && { firstTokenMs: outcome.firstTokenMs }),
    ...(outcome?.ok && paceOf(outcome)),
  };
}

/** What a shorter answer needed for each of its tokens is chance. */
const FEWEST_TOKENS = 20;
const CHARS_PER_TOKEN = 4;

/** How fast a stream spoke once it had begun. */
function paceOf({ latencyMs, firstTokenMs, saidChars = 0 }: Extract<CallOutcome, { ok: true }>) {
  const tokens = saidChars / CHARS_PER_TOKEN;
  return firstTokenMs === undefined || tokens < FEWEST_TOKENS
    ? {}
    : { perTokenMs: Math.max(0, latencyMs - firstTokenMs) / tokens };
}

function attemptOf(number: number, target: TargetConfig, outcome: CallOutcome, startedAt: number): Attempt {
  return {
    number,
    target: target.id,
    outcome: outcome.ok ? 'success' : outcome.failure,
    ...(outcome.httpStatus !== undefined && { httpStatus: outcome.httpStatus }),
    ...(!outcome.ok && { message: outcome.message }),
    startedAt,
    latencyMs: tenths(outcome.latencyMs),
    ...(outcome.firstTokenMs !== undefined && { firstTokenMs: tenths(outcome.firstTokenMs) }),
    ...(outcome.ok ? outcome.servedModel !== undefined && { servedModel: outcome.servedModel } : breakageOf(outcome)),
  };
}

/** How an answer broke, where one had begun. */
const breakageOf = ({ deadline, discardedChars }: FailedCall): Partial<Attempt> => ({
  ...(deadline !== undefined && { deadline }),
  ...(discardedChars && { discardedChars }),
});

const tenths = (ms: number) => Math.round(ms * 10) / 10;
