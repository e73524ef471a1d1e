import { Inject, Injectable, Logger } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import type { UnderstudyConfig } from '#libs/config';
import { ATTR, checkRequestSize, countAttempts, parseJob, QUEUES, UnderstudyError } from '#libs/contracts';
import { priorityClassOf, type BullContext, isVerdict, replyToOf, SHUTDOWN } from '#libs/queue';
import { abortAs } from '#libs/providers';
import { ClockOnDemand } from '#libs/redis';
import { RoutingMetrics } from '#libs/telemetry';
import { CallRecord } from './call-record.js';
import { CANCELLED, CancellationService } from './cancellation.service.js';
import { ChunksService } from './chunks.service.js';
import { deadlineError, exhaustedError, givenUpError, rejectedError, resultOf } from './end-of-job.js';
import { deadlineMsOf, leftMsOf } from './job-deadline.js';
import type { JobRun } from './job-run.js';
import { OutcomeService } from './outcome.service.js';
import { resolveRoute } from './resolve-route.js';
import type { RouteEnd } from './route-end.js';
import { RouteService } from './route.service.js';
import { ROUTER_CONFIG } from './router.tokens.js';
import { takeUp } from './take-up.js';
import { WaitingService } from './waiting.service.js';

/** The life of one job in this router: check it, route it, then commit its one result, or let it wait for better times. */
@Injectable()
export class CompletionService {
  readonly #log = new Logger(CompletionService.name);

  constructor(
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
    private readonly routing: RouteService,
    private readonly waiting: WaitingService,
    private readonly outcomes: OutcomeService,
    private readonly cancellations: CancellationService,
    private readonly clock: ClockOnDemand,
    private readonly metrics: RoutingMetrics,
    private readonly chunks: ChunksService,
  ) {}

  /**
   * Works on a job until it has a result, or parks it.
   * @throws RejectedJobError once a failure is committed, so that the job ends among the failed ones
   */
  async work(payload: unknown, context: BullContext): Promise<void> {
    const now = await this.clock.now();
    if (context.attemptsStarted === 1) this.#recordWait(context, now);
    const { progress, lost } = takeUp(context.job.progress, now);
    if (lost) this.#log.warn({ event: 'llm.attempt.lost', job_id: context.jobId, ...lost });
    const record = new CallRecord(progress, (changed) => context.keepProgress(changed));
    try {
      await this.cancellations.during(context.jobId, context.signal, (signal, cancelledBefore) =>
        this.#workThrough(payload, context, record, signal, cancelledBefore),
      );
    } catch (error) {
      if (isVerdict(error)) throw error;
      // Calls that were made are paid for: the next run has to know of them.
      if (!context.isLastRun) {
        await record.keep().catch(() => undefined);
        throw error;
      }
      // The queue gives the job up now: whoever waits for it must hear so.
      this.#log.error({ event: 'llm.job.given_up', job_id: context.jobId, err: error });
      const message = 'The router failed on this job again and again; its log has the reason';
      await this.#failFor(new UnderstudyError('internal_error', message), payload, context, record);
    } finally {
      record.close();
      this.chunks.left(context);
    }
  }

  async #workThrough(
    payload: unknown,
    context: BullContext,
    record: CallRecord,
    signal: AbortSignal,
    cancelledBefore: boolean,
  ): Promise<void> {
    // Whoever had the job before may have vanished between its commit and its last word to the queue.
    if (context.attemptsStarted > 1 || cancelledBefore || hasKey(payload)) {
      const standing = await this.outcomes.standing(context);
      if (standing) return this.outcomes.endAs(standing, context);
    }
    const failure = context.givenUp
      ? givenUpError(context.givenUp)
      : await this.#outcomeOf(payload, { context, before: record.progress, record, signal });
    if (failure) await this.#failFor(failure, payload, context, record);
  }

  async #failFor(failure: UnderstudyError, payload: unknown, context: BullContext, record: CallRecord): Promise<void> {
    // With the job too, for whoever replays it: results do not last as long as failed jobs.
    void record.keep().catch(() => undefined);
    await this.outcomes.failed(withAttempts(failure, record), context, replyToOf(payload));
  }

  /** Answers the job, lets it wait, or says why it has failed for good. */
  async #outcomeOf(payload: unknown, given: Omit<JobRun, 'job'>): Promise<UnderstudyError | void> {
    let run: JobRun;
    let end: RouteEnd;
    try {
      run = { ...given, job: parseJob(payload) };
      checkRequestSize(run.job.request, this.config.jobs.maxRequestBytes);
      end = await this.#route(run);
    } catch (error) {
      if (error instanceof UnderstudyError) return error;
      throw error;
    }
    return this.#finish(end, run);
  }

  async #route(run: JobRun): Promise<RouteEnd> {
    const { job, context, before, record, signal } = run;
    const now = await this.clock.now();
    const leftMs = leftMsOf(run, now, this.config);
    await this.waiting.comeOut(run, leftMs);
    const { attempts, replayedAfter = 0, parkings, parked } = before;
    return this.routing.run({
      jobId: context.jobId,
      job,
      route: resolveRoute(job, this.config),
      // From here on the clock of this process will do: a pass is short.
      deadlineAt: Date.now() + leftMs,
      earlier: attempts,
      replayedAfter,
      parkings,
      parked: parked && { ...parked, at: Date.now() - (now - parked.at) },
      // A call that is cut by our own restart blames nobody.
      signal: abortAs(signal, (reason) => (reason === SHUTDOWN ? 'shutdown' : 'caller')),
      listener: this.chunks.along(record, job, context, before),
    });
  }

  async #finish(end: RouteEnd, run: JobRun): Promise<UnderstudyError | void> {
    const { job, context, record } = run;
    const { jobId } = context;
    const { attempts } = end;
    switch (end.kind) {
      case 'answered': {
        const { firstStartedAt } = record.progress;
        const times = { enqueuedAt: context.enqueuedAt, firstStartedAt, finishedAt: await this.clock.now() };
        return this.outcomes.answered(resultOf(jobId, job.request.model, end, times), context, job.replyTo);
      }
      case 'rejected':
        return rejectedError(jobId, end);
      case 'deadline':
        return deadlineError(jobId, attempts, deadlineMsOf(run, this.config), await this.waiting.nextAvailableAt(run));
      case 'exhausted':
        return exhaustedError(jobId, attempts);
      case 'interrupted':
        return end.by === 'cancelled' ? this.#endCancelled(run) : this.#handBack(run);
      case 'waiting':
        return run.signal.reason === CANCELLED ? this.#endCancelled(run) : this.waiting.wait(end, run);
    }
  }

  /** This process is stopping: another router takes the job up at once, and knows what was tried. */
  async #handBack({ context, record }: JobRun): Promise<void> {
    await record.keep();
    const attempts = countAttempts(record.progress.attempts);
    this.#log.log({ event: 'llm.job.handed_back', job_id: context.jobId, attempts });
    await context.handBack();
  }

  /** Whoever cancelled the job has committed that as its result. */
  async #endCancelled(run: JobRun): Promise<void> {
    const standing = await this.outcomes.standing(run.context);
    // Without one it was a rumour, about an earlier job of the same id perhaps.
    return standing ? this.outcomes.endAs(standing, run.context) : this.#handBack(run);
  }

  #recordWait(context: BullContext, now: number): void {
    const waitMs = now - context.enqueuedAt - (context.job.opts.delay ?? 0);
    trace.getActiveSpan()?.setAttribute(ATTR.queueWaitMs, waitMs);
    this.metrics.jobStarted(QUEUES.completion, priorityClassOf(context.job.opts.priority), waitMs);
  }
}

/** Whether two of its kind may have been added in a race. */
const hasKey = (payload: unknown) => (payload as { idempotencyKey?: unknown } | null)?.idempotencyKey !== undefined;

/** What was tried belongs to the story of every failure. */
function withAttempts(error: UnderstudyError, { progress }: CallRecord): UnderstudyError {
  if (error.attempts.length > 0) return error;
  return UnderstudyError.fromJSON({ ...error.toJSON(), attempts: progress.attempts });
}
