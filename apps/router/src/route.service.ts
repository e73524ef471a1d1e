import { Inject, Injectable, Logger } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { type Attempt, type CompletionJob, countAttempts } from '#libs/contracts';
import { consequenceOf, type Decision, type TargetView } from '#libs/health-core';
import type { CallOutcome } from '#libs/providers';
import { RoutingMetrics } from '#libs/telemetry';
import { AttemptService } from './attempt.service.js';
import { DecisionService } from './decision.service.js';
import { pauseBeforeNextPass } from './pause-before-next-pass.js';
import type { ResolvedRoute } from './resolve-route.js';
import { outcomeOf, problemOf, type RouteEnd } from './route-end.js';
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
  /** How often the job has been parked. */
  parkings: number;
  signal: AbortSignal;
}

type FailedCall = Extract<CallOutcome, { ok: false }>;

/** What a pass has met so far. */
class PassLog {
  readonly tried = new Set<string>();
  readonly failedProviders = new Set<string>();
  failed: { call: FailedCall; target: string } | undefined;
  /** Whether some failure of this pass may pass. */
  isTransient = false;

  add(target: string, provider: string, call: FailedCall): void {
    const { health, transient } = consequenceOf(call.failure);
    this.tried.add(target);
    this.failed = { call, target };
    this.isTransient ||= transient;
    // A provider that only limits the rate of one model is not in trouble.
    if (health !== 'throttle') this.failedProviders.add(provider);
  }
}

/** Decide, try, learn; on failure the next one. The only loop that makes attempts. */
@Injectable()
export class RouteService {
  readonly #log = new Logger(RouteService.name);

  constructor(
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
    private readonly decisions: DecisionService,
    private readonly attempts: AttemptService,
    private readonly targets: TargetCallsService,
    private readonly metrics: RoutingMetrics,
  ) {}

  /** Asks targets until one answers, or none is left that could be asked now. */
  run(pass: RoutePass): Promise<RouteEnd> {
    return RouteSpan.run(pass.route.model, pass.job.tenant, async (span) => {
      const end = await this.#tryTargets(pass, span);
      const madeInPass = end.attempts.length - pass.earlier.length;
      span.ended(outcomeOf(end, madeInPass), end.attempts, problemOf(end, madeInPass));
      return end;
    });
  }

  async #tryTargets(pass: RoutePass, span: RouteSpan): Promise<RouteEnd> {
    const attempts = [...pass.earlier];
    const log = new PassLog();
    for (let n = 0; n < this.config.jobs.maxAttemptsPerPass; n++) {
      const number = countAttempts(attempts) + 1;
      const leftMs = pass.deadlineAt - Date.now();
      if (leftMs <= 0) return { kind: 'deadline', attempts };

      // Health is read again before every attempt: what the last one taught may have arrived by now.
      const { tried, failedProviders } = log;
      const soFar = { tried, failedProviders, isRetry: n > 0, parkings: pass.parkings };
      const { decision, views } = this.decisions.decide(pass.route, soFar);
      span.decided(number, decision, views);
      if (n === 0) linkEvidence(span, decision, views);
      const { choice } = decision;
      if (!choice) return isHopeless(decision, log) ? { kind: 'exhausted', attempts } : waiting(decision, attempts);
      if (log.failed) this.#recordFailover(pass, span, stepTo(choice.target, log.failed), number - 1);

      const { outcome, attempt } = await this.attempts.make({
        job: pass.job,
        choice,
        view: views.get(choice.target),
        number,
        leftMs,
        hasNext: targetsOf(pass.route).size > tried.size + 1,
        signal: pass.signal,
      });
      attempts.push(attempt);
      if (outcome.ok) return { kind: 'answered', target: choice.target, completion: outcome.completion, attempts };
      const { failure, message, httpStatus } = outcome;
      if (failure === 'shutdown' || failure === 'cancelled') return { kind: 'interrupted', by: failure, attempts };
      if (!consequenceOf(failure).failover) return { kind: 'rejected', failure, message, httpStatus, attempts };
      log.add(choice.target, this.targets.target(choice.target).provider, outcome);
    }
    if (!log.isTransient) return { kind: 'exhausted', attempts };
    return { kind: 'waiting', waitMs: pauseBeforeNextPass(pass.parkings, Math.random()), attempts };
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
}

const waiting = ({ waitMs }: Decision, attempts: Attempt[]): RouteEnd => ({ kind: 'waiting', waitMs, attempts });

/** Everybody was asked or is unusable, and no failure will pass by itself. */
function isHopeless({ excluded }: Decision, { tried, isTransient }: PassLog): boolean {
  const isUnusable = (reason: string) => reason === 'tried' || reason === 'disabled' || reason === 'not_pinned';
  return tried.size > 0 && !isTransient && excluded.every(({ reason }) => isUnusable(reason));
}

const stepTo = (to: string, { target, call }: NonNullable<PassLog['failed']>): FailoverStep => ({
  from: target,
  to,
  reason: call.failure,
  httpStatus: call.httpStatus,
});

const targetsOf = ({ primary, standIns, fallbacks }: ResolvedRoute) => new Set([...primary, ...standIns, ...fallbacks]);

/** Leads from the job's trace to the failed calls for which targets were avoided. */
function linkEvidence(span: RouteSpan, { excluded }: Decision, views: ReadonlyMap<string, TargetView>): void {
  for (const { target } of excluded) {
    const evidence = views.get(target)?.evidence;
    if (evidence) span.linkEvidence(target, evidence);
  }
}
