import { Inject, Injectable, Logger } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import type { UnderstudyConfig } from '#libs/config';
import {
  ATTR,
  type Attempt,
  type CompletionJob,
  completionJobSchema,
  countAttempts,
  type JobOutcome,
  parseOrThrow,
  QUEUES,
  UnderstudyError,
} from '#libs/contracts';
import {
  type BullContext,
  isVerdict,
  type JobProgress,
  readProgress,
  RejectedJobError,
  replyToOf,
  ResultStore,
  SHUTDOWN,
  withoutMiddle,
} from '#libs/queue';
import { abortAs } from '#libs/providers';
import { RoutingMetrics } from '#libs/telemetry';
import { ChunksService } from './chunks.service.js';
import { DecisionService } from './decision.service.js';
import { deadlineError, exhaustedError, rejectedError, resultOf } from './end-of-job.js';
import { longestWait, parkPause } from './park-pause.js';
import { groupOf, routeLeft } from './parked-group.js';
import { ParkingService } from './parking.service.js';
import { resolveRoute } from './resolve-route.js';
import type { RouteEnd } from './route-end.js';
import { RouteService } from './route.service.js';
import { ROUTER_CONFIG } from './router.tokens.js';

/** A job that has asked nobody although others of its kind could looks again after this, in milliseconds. */
const LOOK_AGAIN_MS = 500;

/** The life of one job in this router: check it, route it, then commit its one result, or let it wait for better times. */
@Injectable()
export class CompletionService {
  readonly #log = new Logger(CompletionService.name);

  constructor(
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
    private readonly routing: RouteService,
    private readonly decisions: DecisionService,
    private readonly parking: ParkingService,
    private readonly results: ResultStore,
    private readonly metrics: RoutingMetrics,
    private readonly chunks: ChunksService,
  ) {}

  /**
   * Works on a job until it has a result, or parks it.
   * @throws RejectedJobError once a failure is committed, so that the job ends among the failed ones
   */
  async work(payload: unknown, context: BullContext): Promise<void> {
    const progress = readProgress(context.job.progress, context.startedAt);
    if (context.attemptsStarted === 1) this.#recordWait(context);
    try {
      await this.#workThrough(payload, context, progress);
    } catch (error) {
      if (isVerdict(error) || !context.isLastRun) throw error;
      // The queue gives the job up now: whoever waits for it must hear so.
      this.#log.error({ event: 'llm.job.given_up', job_id: context.jobId, err: error });
      const latest = readProgress(context.job.progress, context.startedAt);
      const fault = new UnderstudyError(
        'internal_error',
        'The router failed on this job again and again; its log has the reason',
      );
      return await this.#fail(fault, context, replyToOf(payload), latest);
    } finally {
      this.chunks.left(context);
    }
  }

  async #workThrough(payload: unknown, context: BullContext, progress: JobProgress): Promise<void> {
    let job: CompletionJob;
    try {
      job = parseOrThrow(completionJobSchema, payload, 'job');
    } catch (error) {
      return this.#fail(error as UnderstudyError, context, replyToOf(payload), progress);
    }
    const { parked } = progress;
    // It has come by itself, because its deadline is near.
    if (parked && this.#leftMs(job, context) <= this.config.health.policy.minRemainingMs)
      await this.parking.leave(parked.group, context);
    let end: RouteEnd;
    try {
      end = await this.#route(job, context, progress);
    } catch (error) {
      if (!(error instanceof UnderstudyError)) throw error;
      return this.#fail(error, context, job.replyTo, progress);
    }
    try {
      await this.#finish(end, job, context, progress);
    } catch (error) {
      // Calls that were made are paid for: the next run has to know of them.
      if (!isVerdict(error)) await this.#keepProgress(context, { ...progress, attempts: end.attempts });
      throw error;
    }
  }

  #route(job: CompletionJob, context: BullContext, progress: JobProgress): Promise<RouteEnd> {
    return this.routing.run({
      jobId: context.jobId,
      job,
      route: resolveRoute(job, this.config),
      deadlineAt: this.#deadlineAt(job, context),
      earlier: progress.attempts,
      replayedAfter: progress.replayedAfter ?? 0,
      parkings: progress.parkings,
      parked: progress.parked,
      // A call that is cut by our own restart blames nobody.
      signal: abortAs(context.signal, (reason) => (reason === SHUTDOWN ? 'shutdown' : 'caller')),
      listener: this.chunks.along({ starting: () => undefined }, job, context, progress),
    });
  }

  async #finish(end: RouteEnd, job: CompletionJob, context: BullContext, progress: JobProgress): Promise<void> {
    const { jobId } = context;
    switch (end.kind) {
      case 'answered': {
        const times = {
          enqueuedAt: context.enqueuedAt,
          firstStartedAt: progress.firstStartedAt,
          finishedAt: Date.now(),
        };
        const attempts = countAttempts(end.attempts);
        this.metrics.jobEnded(attempts > 1 ? 'failover' : 'primary', attempts);
        return this.#commit(
          { status: 'completed', result: resultOf(jobId, job.request.model, end, times) },
          context,
          job.replyTo,
        );
      }
      case 'rejected':
        return this.#fail(rejectedError(jobId, end), context, job.replyTo, progress);
      case 'deadline': {
        const error = deadlineError(
          jobId,
          end.attempts,
          this.#deadlineMs(job),
          this.#nextAvailableAt(job, end.attempts),
        );
        return this.#fail(error, context, job.replyTo, progress);
      }
      case 'interrupted':
        return this.#handBack(end, context, progress);
      case 'exhausted':
        return this.#fail(exhaustedError(jobId, end.attempts), context, job.replyTo, progress);
      case 'waiting':
        return this.#wait(end, job, context, progress);
    }
  }

  /**
   * Lets the job wait in the queue, and gives its place here to another: until somebody can be asked, or, where somebody could be but
   * this job has just met failures that may pass, for a while.
   */
  async #wait(
    end: Extract<RouteEnd, { kind: 'waiting' }>,
    job: CompletionJob,
    context: BullContext,
    progress: JobProgress,
  ): Promise<void> {
    const { policy } = this.config.health;
    const leftMs = this.#leftMs(job, context);
    const { attempts } = end;
    const hasAsked = attempts.length > progress.attempts.length;
    if (this.#nextAvailableAt(job, attempts) !== undefined) {
      const group = groupOf(job, attempts);
      const at = (hasAsked ? undefined : progress.parked?.at) ?? Date.now();
      await this.#keepProgress(context, { ...progress, attempts, parked: { group: group.name, at } });
      const again = progress.parked !== undefined && !hasAsked && leftMs > policy.minRemainingMs;
      return this.parking.park(job.request.model, context, { group, longestMs: longestWait(leftMs, policy), again });
    }
    // Somebody could be asked again since this job looked, or could be by others that want less of a shared limit.
    const waitMs = hasAsked ? end.waitMs : Math.min(end.waitMs, LOOK_AGAIN_MS);
    const pauseMs = parkPause(waitMs, leftMs, policy);
    if (pauseMs !== null) return this.#pause(end, context, progress, pauseMs);
    const error = deadlineError(context.jobId, end.attempts, this.#deadlineMs(job), Date.now() + end.waitMs);
    return this.#fail(error, context, job.replyTo, progress);
  }

  /** After failures that may pass. */
  async #pause(end: RouteEnd, context: BullContext, progress: JobProgress, pauseMs: number): Promise<void> {
    const { parked: _, ...rest } = progress;
    await this.#keepProgress(context, { ...rest, attempts: end.attempts, parkings: progress.parkings + 1 });
    this.#log.warn({
      event: 'llm.job.parked',
      job_id: context.jobId,
      pause_ms: pauseMs,
      attempts: countAttempts(end.attempts),
    });
    await context.parkUntil(Date.now() + pauseMs);
  }

  /** This process is stopping: another router takes the job up at once, and knows what was tried. */
  async #handBack(end: RouteEnd, context: BullContext, progress: JobProgress): Promise<void> {
    await this.#keepProgress(context, { ...progress, attempts: end.attempts });
    this.#log.log({ event: 'llm.job.handed_back', job_id: context.jobId, attempts: countAttempts(end.attempts) });
    await context.handBack();
  }

  async #keepProgress(context: BullContext, progress: JobProgress): Promise<void> {
    await context.job.updateProgress({ ...progress, attempts: withoutMiddle(progress.attempts) });
  }

  async #fail(
    error: UnderstudyError,
    context: BullContext,
    replyTo: string | undefined,
    progress: JobProgress,
  ): Promise<void> {
    const attempts = error.attempts.length > 0 ? error.attempts : progress.attempts;
    const failure = { ...error.toJSON(), jobId: context.jobId, attempts: withoutMiddle(attempts) };
    this.metrics.jobEnded(
      attempts.length === 0 || error.code === 'request_rejected' ? 'rejected' : 'exhausted',
      countAttempts(attempts),
    );
    this.#log.warn({
      event: 'llm.job.failed',
      job_id: context.jobId,
      code: error.code,
      field: error.field,
      attempts: countAttempts(attempts),
      // Not the message: what a provider said in it may quote the prompt.
      last_failure: attempts.at(-1)?.outcome,
      last_status: attempts.at(-1)?.httpStatus,
    });
    trace.getActiveSpan()?.setAttribute(ATTR.errorType, error.code);
    await this.#commit({ status: 'failed', error: failure }, context, replyTo);
    throw new RejectedJobError(`${error.code}: ${error.message}`);
  }

  async #commit(outcome: JobOutcome, context: BullContext, replyTo: string | undefined): Promise<void> {
    const first = await this.results.commit(context.jobId, outcome, replyTo);
    if (first !== 'superseded') this.chunks.committed(context);
    // At-least-once execution means that a job may be answered twice; only the first answer counts.
    if (first !== 'committed')
      this.#log.warn({ event: 'llm.job.duplicate', job_id: context.jobId, status: outcome.status });
  }

  #recordWait(context: BullContext): void {
    const waitMs = context.startedAt - context.enqueuedAt - (context.job.opts.delay ?? 0);
    trace.getActiveSpan()?.setAttribute(ATTR.queueWaitMs, waitMs);
    this.metrics.jobStarted(QUEUES.completion, waitMs);
  }

  #deadlineMs(job: CompletionJob): number {
    return job.deadlineMs ?? this.config.jobs.deadlineMs;
  }

  #leftMs(job: CompletionJob, context: BullContext): number {
    return this.#deadlineAt(job, context) - Date.now();
  }

  /** When somebody may be asked for a job that begins a new pass after these attempts, epoch milliseconds; undefined: now. */
  #nextAvailableAt(job: CompletionJob, attempts: readonly Attempt[]): number | undefined {
    const waitMs = this.decisions.waitFor(routeLeft(job, attempts, this.config));
    return waitMs > 0 ? Date.now() + waitMs : undefined;
  }

  #deadlineAt(job: CompletionJob, context: BullContext): number {
    return context.enqueuedAt + this.#deadlineMs(job);
  }
}
