import { Inject, Injectable, Logger } from '@nestjs/common';
import type { TargetConfig, UnderstudyConfig } from '#libs/config';
import { ATTR, type Attempt, type ChatCompletion, type CompletionJob, countAttempts } from '#libs/contracts';
import {
  type Candidate,
  consequenceOf,
  type Exclusion,
  orderCandidates,
  type FailureClass,
  type Routable,
} from '#libs/health-core';
import { type CallOutcome, summaryOf } from '#libs/providers';
import { ObservationWriter } from '#libs/store';
import { RoutingMetrics } from '#libs/telemetry';
import { HealthViewService } from './health-view.service.js';
import type { ResolvedRoute } from './resolve-route.js';
import { type FailoverStep, RouteSpan } from './route-span.js';
import { ROUTER_CONFIG } from './router.tokens.js';
import { TargetCallsService } from './target-calls.service.js';

/** One pass over the targets for one job. */
export interface RoutePass {
  jobId: string;
  job: CompletionJob;
  route: ResolvedRoute;
  /** End of the job's usefulness, epoch milliseconds. */
  deadlineAt: number;
  /** Attempts of earlier passes. */
  earlier: readonly Attempt[];
  signal: AbortSignal;
}

/** How a pass ended. `attempts` holds those of earlier passes too. */
export type RouteEnd = { attempts: Attempt[] } & (
  | { kind: 'answered'; target: string; completion: ChatCompletion }
  /** The request itself is at fault: no target would answer it. */
  | { kind: 'rejected'; failure: FailureClass; message: string; httpStatus: number | undefined }
  /** Every target failed. */
  | { kind: 'exhausted'; transient: boolean; retryAfterMs: number | undefined }
  | { kind: 'deadline' }
  /** This process is stopping, or the job was cancelled. */
  | { kind: 'interrupted'; by: 'shutdown' | 'cancelled' }
);

type FailedCall = Extract<CallOutcome, { ok: false }>;

/** Plan, try, report; on failure the next one. The only loop that makes attempts. */
@Injectable()
export class RouteService {
  readonly #log = new Logger(RouteService.name);

  constructor(
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
    private readonly health: HealthViewService,
    private readonly targets: TargetCallsService,
    private readonly observations: ObservationWriter,
    private readonly metrics: RoutingMetrics,
  ) {}

  /** Asks targets in order until one answers. */
  run(pass: RoutePass): Promise<RouteEnd> {
    return RouteSpan.run(pass.route.model, pass.job.tenant, async (span) => {
      const end = await this.#tryTargets(pass, span);
      span.ended(outcomeOf(end, pass), end.attempts, problemOf(end));
      return end;
    });
  }

  async #tryTargets(pass: RoutePass, span: RouteSpan): Promise<RouteEnd> {
    const attempts = [...pass.earlier];
    const tried = new Set<string>();
    let failed: { call: FailedCall; target: string } | undefined;
    let transient = false;
    let retryAfterMs: number | undefined;

    for (let n = 0; n < this.config.jobs.maxAttemptsPerPass; n++) {
      const number = countAttempts(attempts) + 1;
      const leftMs = pass.deadlineAt - Date.now();
      if (leftMs <= 0) return { kind: 'deadline', attempts };

      // Health is read again before every attempt: what the last one taught may have arrived by now.
      const { candidates, excluded } = this.#plan(pass, tried);
      const next = candidates[0];
      if (!next) break;
      span.decided(number, candidates, excluded, tried);
      if (n === 0) this.#linkEvidence(span, excluded);
      if (failed)
        this.#recordFailover(
          pass,
          span,
          { from: failed.target, to: next.target, reason: failed.call.failure, httpStatus: failed.call.httpStatus },
          number - 1,
        );

      const { outcome, attempt } = await this.#attempt(pass, next, number, leftMs, candidates.length > 1);
      attempts.push(attempt);
      if (outcome.ok) return { kind: 'answered', target: next.target, completion: outcome.completion, attempts };

      const interrupted = interruption(outcome.failure);
      if (interrupted) return { kind: 'interrupted', by: interrupted, attempts };
      const consequence = consequenceOf(outcome.failure);
      if (!consequence.failover) {
        const { failure, message, httpStatus } = outcome;
        return { kind: 'rejected', failure, message, httpStatus, attempts };
      }
      tried.add(next.target);
      failed = { call: outcome, target: next.target };
      transient ||= consequence.transient;
      if (outcome.retryAfterMs !== undefined) retryAfterMs = Math.min(retryAfterMs ?? Infinity, outcome.retryAfterMs);
    }
    return { kind: 'exhausted', transient, retryAfterMs, attempts };
  }

  #plan({ route }: RoutePass, tried: ReadonlySet<string>): { candidates: Candidate[]; excluded: Exclusion[] } {
    const routable = (ids: readonly string[]): Routable[] =>
      ids.filter((id) => !tried.has(id)).map((id) => ({ id, weight: this.targets.target(id).weight }));
    return orderCandidates({
      primary: routable(route.primary),
      standIns: routable(route.standIns),
      fallbacks: routable(route.fallbacks),
      preferred: route.preferred === undefined ? undefined : routable([route.preferred])[0],
      health: this.health.byTarget,
      draw: Math.random(),
    });
  }

  async #attempt(
    pass: RoutePass,
    candidate: Candidate,
    number: number,
    leftMs: number,
    hasNext: boolean,
  ): Promise<{ outcome: CallOutcome; attempt: Attempt }> {
    const id = candidate.target;
    const target = this.targets.target(id);
    const cutByDeadline = leftMs < target.timeoutMs;
    const startedAt = Date.now();
    const { outcome, traceparent } = await this.targets.call(id, {
      request: pass.job.request,
      timeoutMs: Math.min(target.timeoutMs, leftMs),
      signal: pass.signal,
      attributes: {
        [ATTR.trafficType]: 'user',
        [ATTR.attemptNumber]: number,
        [ATTR.attemptKind]: number === 1 ? 'primary' : 'failover',
        [ATTR.routeScore]: candidate.score,
        [ATTR.routeWeight]: candidate.weight,
      },
      nextAction: ({ failure }) => (consequenceOf(failure).failover && hasNext ? 'failover' : 'give_up'),
    });
    if (outcome.ok) this.metrics.attemptSucceeded(target.model, outcome.latencyMs);
    else this.metrics.attemptFailed(target.model, outcome.failure, outcome.latencyMs);
    // A call that the job's own deadline cut short proves nothing about the target.
    const blameless = !outcome.ok && outcome.failure === 'timeout' && cutByDeadline;
    if (!blameless) this.#observe(id, outcome, traceparent);
    return { outcome, attempt: attemptOf(number, target, outcome, startedAt) };
  }

  #observe(target: string, outcome: CallOutcome, traceparent: string): void {
    this.observations.report({
      target,
      source: 'traffic',
      outcome: outcome.ok ? 'success' : outcome.failure,
      latencyMs: outcome.latencyMs,
      at: Date.now(),
      ...(!outcome.ok && { errorMessage: summaryOf(outcome), evidence: traceparent }),
    });
  }

  #recordFailover(pass: RoutePass, span: RouteSpan, step: FailoverStep, attemptNumber: number): void {
    span.failedOver(step, attemptNumber);
    this.metrics.failedOver(this.targets.target(step.from).model, this.targets.target(step.to).model, step.reason);
    this.#log.warn({
      event: 'llm.failover',
      job_id: pass.jobId,
      from: step.from,
      to: step.to,
      reason: step.reason,
      status: step.httpStatus,
    });
  }

  #linkEvidence(span: RouteSpan, excluded: readonly Exclusion[]): void {
    for (const { target } of excluded) {
      const evidence = this.health.byTarget.get(target)?.evidence;
      if (evidence) span.linkEvidence(target, evidence);
    }
  }
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

function interruption(failure: FailureClass): 'shutdown' | 'cancelled' | undefined {
  return failure === 'shutdown' || failure === 'cancelled' ? failure : undefined;
}

function outcomeOf(end: RouteEnd, pass: RoutePass) {
  switch (end.kind) {
    case 'answered':
      return end.attempts.length - pass.earlier.length > 1 ? 'failover' : 'primary';
    case 'rejected':
      return 'rejected';
    case 'interrupted':
      return 'interrupted';
    case 'deadline':
    case 'exhausted':
      return 'exhausted';
  }
}

function problemOf(end: RouteEnd): { type: string; message: string } | undefined {
  switch (end.kind) {
    case 'rejected':
      return { type: end.failure, message: 'the request was rejected' };
    case 'deadline':
      return { type: 'deadline_exceeded', message: 'the deadline passed' };
    case 'exhausted':
      return { type: 'exhausted', message: 'every target failed' };
    case 'answered':
    case 'interrupted':
      return undefined;
  }
}
