import { Injectable, Logger } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import { ATTR, countAttempts, type JobOutcome, type JobResult, type UnderstudyError } from '#libs/contracts';
import { type BullContext, RejectedJobError, ResultStore, withoutMiddle } from '#libs/queue';
import { CommitMetrics, type DiscardReason, type JobEnd, RoutingMetrics } from '#libs/telemetry';
import { ChunksService } from './chunks.service.js';

/** Gives each job its one result, and ends its run in the queue accordingly. */
@Injectable()
export class OutcomeService {
  readonly #log = new Logger(OutcomeService.name);

  constructor(
    private readonly results: ResultStore,
    private readonly routing: RoutingMetrics,
    private readonly commits: CommitMetrics,
    private readonly chunks: ChunksService,
  ) {}

  /** The result that the job has already, if it has one. */
  standing(context: BullContext): Promise<JobOutcome | null> {
    return this.results.get(context.jobId);
  }

  /** The job was answered. */
  async answered(result: JobResult, context: BullContext, replyTo: string | undefined): Promise<void> {
    const attempts = countAttempts(result.understudy.attempts);
    const end = attempts > 1 ? 'failover' : 'primary';
    await this.#commit({ status: 'completed', result }, { end, attempts }, context, replyTo);
  }

  /**
   * The job has failed for good.
   * @throws RejectedJobError so that it ends among the failed ones
   */
  async failed(error: UnderstudyError, context: BullContext, replyTo: string | undefined): Promise<void> {
    const { code, field, attempts } = error;
    const failure = { ...error.toJSON(), jobId: context.jobId, attempts: withoutMiddle(attempts) };
    const end = attempts.length === 0 || code === 'request_rejected' ? 'rejected' : 'exhausted';
    trace.getActiveSpan()?.setAttribute(ATTR.errorType, code);
    const count = countAttempts(attempts);
    await this.#commit({ status: 'failed', error: failure }, { end, attempts: count }, context, replyTo, () =>
      this.#log.warn({
        event: 'llm.job.failed',
        job_id: context.jobId,
        code,
        field,
        attempts: count,
        // Not the message: what a provider said in it may quote the prompt.
        last_failure: attempts.at(-1)?.outcome,
        last_status: attempts.at(-1)?.httpStatus,
      }),
    );
  }

  /**
   * The job has its result, from whomever: it leaves the queue in the way that fits it.
   * @throws RejectedJobError when it failed; one that was cancelled has not
   */
  endAs(outcome: JobOutcome, context: BullContext): void {
    this.chunks.committed(context);
    if (outcome.status === 'completed') return;
    const { code, message, attempts } = outcome.error;
    if (code !== 'cancelled') throw new RejectedJobError(`${code}: ${message}`);
    trace.getActiveSpan()?.setAttribute(ATTR.jobCancelled, true);
    this.routing.jobEnded('cancelled', countAttempts(attempts));
    this.#log.log({ event: 'llm.job.cancelled', job_id: context.jobId, attempts: countAttempts(attempts) });
  }

  async #commit(
    outcome: JobOutcome,
    { end, attempts }: { end: JobEnd; attempts: number },
    context: BullContext,
    replyTo: string | undefined,
    onCommitted: () => void = () => undefined,
  ): Promise<void> {
    const { jobId, attemptsStarted } = context;
    const commit = await this.results.commit(jobId, outcome, replyTo, attemptsStarted);
    if (commit === 'committed') {
      this.routing.jobEnded(end, attempts);
      onCommitted();
      return this.endAs(outcome, context);
    }
    // At-least-once execution means that a job may be worked on twice; only one result counts.
    if (commit === 'superseded') {
      this.#discarded('superseded', outcome, context);
      return context.letGo();
    }
    const standing = await this.results.get(jobId);
    const wasCancelled = standing?.status === 'failed' && standing.error.code === 'cancelled';
    this.#discarded(wasCancelled ? 'cancelled' : 'duplicate', outcome, context);
    if (standing) this.endAs(standing, context);
  }

  #discarded(reason: DiscardReason, { status }: JobOutcome, { jobId, attemptsStarted }: BullContext): void {
    this.commits.resultDiscarded(reason);
    this.#log.warn({ event: 'llm.job.result_discarded', job_id: jobId, reason, status, run: attemptsStarted });
  }
}
