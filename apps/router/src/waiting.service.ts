import { Inject, Injectable, Logger } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { type Attempt, countAttempts, type UnderstudyError } from '#libs/contracts';
import type { JobProgress } from '#libs/queue';
import { ClockOnDemand } from '#libs/redis';
import { DecisionService } from './decision.service.js';
import { deadlineError } from './end-of-job.js';
import { deadlineMsOf, leftMsOf } from './job-deadline.js';
import type { JobRun } from './job-run.js';
import { EARLY_PAUSE_MS, longestWait, parkPause } from './park-pause.js';
import { groupOf, routeLeft } from './parked-group.js';
import { ParkingService } from './parking.service.js';
import { pauseBeforeNextPass } from './pause-before-next-pass.js';
import type { RouteEnd } from './route-end.js';
import { ROUTER_CONFIG } from './router.tokens.js';

/** A job that has asked nobody although others of its kind could looks again after this, in milliseconds. */
const LOOK_AGAIN_MS = 500;

/** Lets jobs wait in the queue for better times, and gives their places here to others. */
@Injectable()
export class WaitingService {
  readonly #log = new Logger(WaitingService.name);

  constructor(
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
    private readonly decisions: DecisionService,
    private readonly parking: ParkingService,
    private readonly clock: ClockOnDemand,
  ) {}

  /**
   * Until somebody can be asked, or, where somebody could be but this job has just met failures that may pass, for a while. Returns only
   * when there is no time left for that.
   */
  async wait(end: Extract<RouteEnd, { kind: 'waiting' }>, run: JobRun): Promise<UnderstudyError> {
    const { job, context, before, record } = run;
    const { policy } = this.config.health;
    const now = await this.clock.now();
    const leftMs = leftMsOf(run, now, this.config);
    const { attempts } = end;
    const hasAsked = attempts.length > before.attempts.length;
    if (this.#waitFor(run) > 0) {
      const group = groupOf(job, attemptsThatCount(record.progress));
      const at = (hasAsked ? undefined : before.parked?.at) ?? now;
      await record.keep({ parked: { group: group.name, at } });
      const again = before.parked !== undefined && !hasAsked && leftMs > policy.minRemainingMs;
      return this.parking.park(job.request.model, context, { group, longestMs: longestWait(leftMs, policy), again });
    }
    // Somebody could be asked again since this job looked, or could be by others that want less of a shared limit: however long the wait
    // was to be, it is no longer worth it.
    const waitMs = Math.min(end.waitMs, hasAsked ? pauseBeforeNextPass(before.parkings, Math.random()) : LOOK_AGAIN_MS);
    const cameEarly = (before.pausedUntil ?? now) - now > EARLY_PAUSE_MS;
    const pauseMs = parkPause(cameEarly ? Math.max(waitMs, EARLY_PAUSE_MS) : waitMs, leftMs, policy);
    if (pauseMs !== null) return this.#pause(run, pauseMs, now);
    return deadlineError(context.jobId, attempts, deadlineMsOf(run, this.config), now + end.waitMs);
  }

  /** A parked job that has come by itself, because its deadline is near, waits with its group no longer. */
  async comeOut({ context, before: { parked } }: JobRun, leftMs: number): Promise<void> {
    if (parked && leftMs <= this.config.health.policy.minRemainingMs) await this.parking.leave(parked.group, context);
  }

  /** When somebody may be asked for this job, as a time of Redis, epoch milliseconds; undefined: now. */
  async nextAvailableAt(run: JobRun): Promise<number | undefined> {
    const waitMs = this.#waitFor(run);
    return waitMs > 0 ? (await this.clock.now()) + waitMs : undefined;
  }

  /** After failures that may pass. Never returns. */
  async #pause({ context, record }: JobRun, pauseMs: number, now: number): Promise<never> {
    const { attempts, parkings } = record.progress;
    await record.keep({ parked: undefined, parkings: parkings + 1, pausedUntil: now + pauseMs });
    this.#log.warn({
      event: 'llm.job.parked',
      job_id: context.jobId,
      pause_ms: pauseMs,
      attempts: countAttempts(attempts),
    });
    return context.parkUntil(Date.now() + pauseMs);
  }

  /** How long until somebody may be asked for a job that begins a new pass after what it has met, in milliseconds; 0: now. */
  #waitFor({ job, record: { progress } }: JobRun): number {
    return this.decisions.waitFor(routeLeft(job, attemptsThatCount(progress), this.config));
  }
}

/** Those since the job was added or replayed. */
const attemptsThatCount = ({ attempts, replayedAfter = 0 }: JobProgress): Attempt[] =>
  attempts.filter(({ number }) => number > replayedAfter);
