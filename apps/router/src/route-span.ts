import { type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { ATTR, type Attempt, countAttempts, type JobPayload, operationOf, SPAN_EVENT } from '#libs/contracts';
import type { Decision, TargetView } from '#libs/health-core';
import type { NoPlace } from './target-limits.service.js';

const tracer = trace.getTracer('understudy-router');

/** Told when the routing of a job ends. */
export type RouteOutcome = 'primary' | 'failover' | 'exhausted' | 'rejected' | 'parked' | 'interrupted';

/** A step from a target that failed to the next one. */
export interface FailoverStep {
  from: string;
  to: string;
  reason: string;
  httpStatus: number | undefined;
}

/**
 * The span `route completion`, which explains every decision made for one job. All conditions that one would search for lie on this
 * one span, because trace stores match conditions span by span.
 */
export class RouteSpan {
  readonly #steps: FailoverStep[] = [];
  #limited = 0;

  private constructor(private readonly span: Span) {}

  /** Opens the span and runs `work` inside it. */
  static run<T>(model: string, job: JobPayload, work: (span: RouteSpan) => Promise<T>): Promise<T> {
    const { tenant } = job;
    const attributes = {
      [ATTR.routeStrategy]: 'health-weighted',
      [ATTR.routeAlias]: model,
      [ATTR.operation]: operationOf(job),
      ...(tenant !== undefined && { [ATTR.tenant]: tenant }),
    };
    return tracer.startActiveSpan('route completion', { attributes }, async (span) => {
      try {
        return await work(new RouteSpan(span));
      } finally {
        span.end();
      }
    });
  }

  /** The job has waited for somebody who could be asked: with whom, and for how long. */
  wasParked(group: string, waitMs: number): void {
    this.span.setAttributes({ [ATTR.parkedGroup]: group, [ATTR.parkedWaitMs]: Math.max(0, waitMs) });
  }

  /** Before each attempt: who was chosen and why, by which shares, and who was left out for what. */
  decided(
    attemptNumber: number,
    decision: Decision,
    views: ReadonlyMap<string, TargetView>,
    mode: string | null = null,
  ): void {
    // The lists cost more than the span itself; nobody sees them when it is not recorded.
    if (!this.span.isRecording()) return;
    const { choice, shares, excluded, waitMs } = decision;
    const scoreOf = (target: string) => (views.get(target)?.score ?? 0).toFixed(1);
    this.span.addEvent(SPAN_EVENT.routeDecision, {
      [ATTR.attemptNumber]: attemptNumber,
      ...(mode !== null && { [ATTR.routeMode]: mode }),
      [ATTR.routeSelected]: choice?.target ?? 'none',
      ...(choice ? { [ATTR.attemptChoice]: choice.kind } : { [ATTR.routeWaitMs]: waitMs }),
      [ATTR.routeCandidates]: shares.map(
        ({ target, share, score, weight }) =>
          `${target} share=${share.toFixed(3)} score=${score.toFixed(1)} weight=${weight}`,
      ),
      [ATTR.routeExcluded]: excluded.map(({ target, reason }) => `${target}: ${reason}(score=${scoreOf(target)})`),
    });
  }

  /** A target that was decided on had no place under its limits. */
  limited(target: string, { kind, until }: NoPlace): void {
    this.#limited++;
    this.span.addEvent(SPAN_EVENT.limited, {
      [ATTR.limitTarget]: target,
      [ATTR.limitKind]: kind,
      [ATTR.limitWaitMs]: Math.max(0, until - Date.now()),
    });
  }

  /** After a failed attempt that is followed by one elsewhere. */
  failedOver(step: FailoverStep, attemptNumber: number): void {
    this.#steps.push(step);
    this.span.addEvent(SPAN_EVENT.failover, {
      [ATTR.failoverFrom]: step.from,
      [ATTR.failoverTo]: step.to,
      [ATTR.failoverReason]: step.reason,
      [ATTR.errorType]: step.httpStatus === undefined ? step.reason : String(step.httpStatus),
      [ATTR.attemptNumber]: attemptNumber,
    });
  }

  /** Evidence for a target that was avoided: the failed call that made it unavailable, in its own trace. */
  linkEvidence(target: string, traceparent: string): void {
    const context = parseTraceparent(traceparent);
    if (context)
      this.span.addLink({ context, attributes: { [ATTR.linkType]: 'health_evidence', [ATTR.healthTarget]: target } });
  }

  /** The end of it, with a summary of all failovers. */
  ended(outcome: RouteOutcome, attempts: readonly Attempt[], problem?: { type: string; message: string }): void {
    const first = this.#steps[0];
    this.span.setAttributes({
      [ATTR.routeOutcome]: outcome,
      [ATTR.routeAttempts]: countAttempts(attempts),
      ...((outcome === 'primary' || outcome === 'failover') && { [ATTR.routeSelected]: attempts.at(-1)?.target }),
      ...(this.#limited > 0 && { [ATTR.limitRefusals]: this.#limited }),
      ...(first && {
        [ATTR.failover]: true,
        [ATTR.failoverCount]: this.#steps.length,
        [ATTR.failoverFrom]: first.from,
        [ATTR.failoverTo]: this.#steps.at(-1)?.to,
        [ATTR.failoverReason]: first.reason,
      }),
    });
    if (!problem) return;
    this.span.setAttribute(ATTR.errorType, problem.type);
    this.span.setStatus({ code: SpanStatusCode.ERROR, message: problem.message });
  }
}

function parseTraceparent(text: string) {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text);
  if (!match) return undefined;
  const [, traceId, spanId, flags] = match as unknown as [string, string, string, string];
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}
