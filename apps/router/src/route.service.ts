import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { type Attempt, countAttempts, type JobPayload } from '#libs/contracts';
import type { Decision, TargetView } from '#libs/health-core';
import { AttemptAbort } from '#libs/providers';
import { RoutingMetrics } from '#libs/telemetry';
import { type AttemptListener, AttemptService, type MadeAttempt } from './attempt.service.js';
import { DecisionService, type RouteDecision } from './decision.service.js';
import { nextStep, routeAfter } from './next-step.js';
import { PassLog } from './pass-log.js';
import { pauseBeforeNextPass } from './pause-before-next-pass.js';
import type { ResolvedRoute } from './resolve-route.js';
import { outcomeOf, problemOf, type RouteEnd } from './route-end.js';
import { type FailoverStep, RouteSpan } from './route-span.js';
import { ROUTER_CONFIG } from './router.tokens.js';
import { isRefusal } from './served-answer.js';
import { TargetCallsService } from './target-calls.service.js';
import { TargetLimitsService } from './target-limits.service.js';

/** One pass over the targets for one job. */
export interface RoutePass {
  jobId: string;
  job: JobPayload;
  route: ResolvedRoute;
  /** End of the job's usefulness, epoch milliseconds of this process's clock. */
  deadlineAt: number;
  /** Attempts of earlier passes. */
  earlier: readonly Attempt[];
  /** Number of the last attempt before the job was replayed, 0 if it never was: neither limits nor lessons go back further. */
  replayedAfter: number;
  /** How often the job has paused after failures. */
  parkings: number;
  /** Where it has waited until now for somebody who could be asked, and since when (epoch milliseconds). */
  parked?: { group: string; at: number } | undefined;
  signal: AbortSignal;
  listener: AttemptListener;
}

/** Decide, try, learn; on failure the next one. The only loop that makes attempts. */
@Injectable()
export class RouteService {
  readonly #log = new Logger(RouteService.name);

  constructor(
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
    private readonly decisions: DecisionService,
    private readonly attempts: AttemptService,
    private readonly limits: TargetLimitsService,
    private readonly targets: TargetCallsService,
    private readonly metrics: RoutingMetrics,
  ) {}

  /** Asks targets until one answers, or none is left that could be asked now. */
  run(pass: RoutePass): Promise<RouteEnd> {
    return RouteSpan.run(pass.route.model, pass.job, async (span) => {
      if (pass.parked) span.wasParked(pass.parked.group, Date.now() - pass.parked.at);
      const end = await this.#tryTargets(pass, span);
      const made = end.attempts.slice(pass.earlier.length);
      span.ended(outcomeOf(end, made), end.attempts, problemOf(end, made));
      return end;
    });
  }

  async #tryTargets(pass: RoutePass, span: RouteSpan): Promise<RouteEnd> {
    const { maxAttempts, maxAttemptsPerPass } = this.config.jobs;
    const attempts = [...pass.earlier];
    const ofThisLife = pass.earlier.filter(({ number }) => number > pass.replayedAfter);
    const log = new PassLog(ofThisLife);
    let route = routeAfter(ofThisLife, pass.route, this.config);
    let n = 0;
    while (n < maxAttemptsPerPass) {
      const number = countAttempts(attempts) + 1;
      if (number - pass.replayedAfter > maxAttempts) return atLast({ kind: 'exhausted', attempts }, log);
      const leftMs = pass.deadlineAt - Date.now();
      // In this pass nobody has been asked yet: what earlier ones met is no reason to reject the job.
      if (leftMs <= 0) return n === 0 ? { kind: 'deadline', attempts } : atLast({ kind: 'deadline', attempts }, log);

      // Health is read again before every attempt: what the last one taught may have arrived by now.
      const decided = await this.#decide(route, log, pass, n > 0);
      if (!decided) return { kind: 'interrupted', by: endedBy(pass.signal), attempts };
      const { decision, views, mode } = decided;
      span.decided(number, decision, views, mode);
      this.limits.heldBack(decision.excluded, log.heldBack);
      if (n === 0 && log.limited.size === 0) linkEvidence(span, decision, views);
      const { choice } = decision;
      if (!choice) return endWithout(decision, log, attempts);
      const view = views.get(choice.target);
      const place = await this.limits.take({ choice, view, job: pass.job, leftMs });
      if ('until' in place) {
        log.limited.set(choice.target, place.until);
        span.limited(choice.target, place);
        continue;
      }
      n++;
      if (log.failed && choice.kind !== 'again')
        this.#recordFailover(pass, span, { ...log.failed, to: choice.target }, number - 1);

      const made = await this.attempts.make({
        job: pass.job,
        choice,
        view,
        place,
        number,
        // Of the time before a pause something is gone.
        leftMs: pass.deadlineAt - Date.now(),
        hasNext: targetsOf(route).some((id) => id !== choice.target && !log.tried.has(id)),
        mayRepeat: log.mayRepeat(choice.target),
        signal: pass.signal,
        listener: pass.listener,
      });
      attempts.push(made.attempt);
      pass.listener.ended?.(made.attempt);
      const after = this.#after(made, choice.target, route, log, attempts);
      // No time for another call: what has been met decides.
      if (log.again && log.again.at >= pass.deadlineAt) log.again = undefined;
      if ('end' in after) return after.end;
      route = after.route;
    }
    if (!log.isTransient) return atLast({ kind: 'exhausted', attempts }, log);
    return atLast({ kind: 'waiting', waitMs: pauseBeforeNextPass(pass.parkings, Math.random()), attempts }, log);
  }

  /** Whom to ask now. Waits out the pause before a second call to the same target; undefined when the job is ended meanwhile. */
  async #decide(
    route: ResolvedRoute,
    log: PassLog,
    { parkings, signal }: RoutePass,
    isRetry: boolean,
  ): Promise<RouteDecision | undefined> {
    for (;;) {
      const { tried, failedProviders, limited, again } = log;
      const decided = this.decisions.decide(route, { tried, failedProviders, limited, again, isRetry, parkings });
      const { pauseMs } = decided.decision;
      if (pauseMs === undefined) return decided;
      await pause(Math.ceil(pauseMs), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return undefined;
    }
  }

  /** What an attempt means for the job: its end, or the route along which it may go on. */
  #after(
    made: MadeAttempt,
    id: string,
    route: ResolvedRoute,
    log: PassLog,
    attempts: Attempt[],
  ): { end: RouteEnd } | { route: ResolvedRoute } {
    const target = this.targets.target(id);
    if (made.answer) {
      const { answer, outcome } = made;
      if (!isRefusal(answer.body)) return { end: answeredBy({ target: id, answer }, attempts) };
      log.addRefusal(id, answer, outcome.httpStatus);
      const step = nextStep('content_filter', target, route, log, this.config);
      return step.kind === 'go-on' ? step : { end: answeredBy(log.refused ?? { target: id, answer }, attempts) };
    }
    const { failure, message, httpStatus } = made.outcome;
    if (failure === 'shutdown' || failure === 'cancelled')
      return { end: { kind: 'interrupted', by: failure, attempts } };
    // Before the failure is written down: what the job had met until then decides.
    const met = { tried: new Set([...log.tried, id]), triedOtherFamily: log.triedOtherFamily };
    const step = nextStep(failure, target, route, met, this.config);
    log.addFailure(id, target.provider, made.outcome, Date.now(), Math.random());
    if (step.kind === 'go-on') return step;
    if (log.refused) return { end: answeredBy(log.refused, attempts) };
    return { end: { kind: 'rejected', target: id, failure, message, httpStatus, attempts } };
  }

  #recordFailover(
    pass: RoutePass,
    span: RouteSpan,
    { target: from, failure: reason, to, httpStatus }: NonNullable<PassLog['failed']> & { to: string },
    attemptNumber: number,
  ): void {
    const step: FailoverStep = { from, to, reason, httpStatus };
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

/** Nobody is left who could be asked now. A refusal is an answer after all; a fault of the request stands if nobody will come back. */
function endWithout(decision: Decision, log: PassLog, attempts: Attempt[]): RouteEnd {
  if (isHopeless(decision, log)) return atLast({ kind: 'exhausted', attempts }, log);
  return log.refused ? answeredBy(log.refused, attempts) : { kind: 'waiting', waitMs: decision.waitMs, attempts };
}

/** How a pass ends that asks nobody any more: by what is in hand already, if that is better. */
function atLast(end: RouteEnd, { refused, rejection, isTransient }: PassLog): RouteEnd {
  if (refused) return answeredBy(refused, end.attempts);
  return rejection && !isTransient ? { kind: 'rejected', ...rejection, attempts: end.attempts } : end;
}

/** Everybody was asked or is unusable, and no failure will pass by itself. */
function isHopeless({ excluded }: Decision, { tried, isTransient }: PassLog): boolean {
  const isUnusable = (reason: string) => reason === 'tried' || reason === 'disabled' || reason === 'not_pinned';
  return tried.size > 0 && !isTransient && excluded.every(({ reason }) => isUnusable(reason));
}

const answeredBy = ({ target, answer }: NonNullable<PassLog['refused']>, attempts: Attempt[]): RouteEnd => ({
  kind: 'answered',
  target,
  answer,
  attempts,
});

const targetsOf = ({ primary, standIns, fallbacks }: ResolvedRoute) => [...primary, ...standIns, ...fallbacks];

/** Who ended the job while no call was under way. */
const endedBy = ({ reason }: AbortSignal) =>
  reason instanceof AttemptAbort && reason.kind === 'shutdown' ? 'shutdown' : 'cancelled';

/** Leads from the job's trace to the failed calls for which targets were avoided. */
function linkEvidence(span: RouteSpan, { excluded }: Decision, views: ReadonlyMap<string, TargetView>): void {
  for (const { target } of excluded) {
    const evidence = views.get(target)?.evidence;
    if (evidence) span.linkEvidence(target, evidence);
  }
}
