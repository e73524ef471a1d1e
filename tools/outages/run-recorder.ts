import type { EpisodeTracker } from './episode-tracker.js';
import { Latencies } from './latencies.js';
import type { AttemptEnd, SimulatedJob } from './routing-rules.js';
import type { ShareTimeline } from './share-timeline.js';
import type { SimulatedTarget } from './targets.js';
import type { Call, World } from './world.js';

/** A target that fails more than this share of its calls is failing: a status page's "minor" and worse. */
export const FAILING_FROM_ERROR_SHARE = 0.1;

/** What became of the jobs of one run. */
export interface JobFigures {
  jobs: number;
  /** In time. */
  answered: number;
  /** Of the answered: those that waited in the queue at least once. */
  answeredAfterParking: number;
  /** Ended with an error, because the rules gave up or because the deadline passed. */
  gaveUp: number;
  missedDeadline: number;
  /** Neither answered nor failed: must be 0. */
  lost: number;
  attempts: number;
  /** First attempts of jobs at targets that were failing; and of those the ones that had a better target to go to. */
  firstToFailing: number;
  firstToFailingAvoidably: number;
  firstAttempts: number;
  probes: number;
  /** Dollars, probes included. Calls that failed cost nothing. */
  cost: number;
  /** Of answered jobs, from arrival to answer. */
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

/** Writes down what happens in one run. */
export class RunRecorder {
  readonly #counts = {
    jobs: 0,
    answered: 0,
    answeredAfterParking: 0,
    gaveUp: 0,
    missedDeadline: 0,
    attempts: 0,
    firstToFailing: 0,
    firstToFailingAvoidably: 0,
    firstAttempts: 0,
    probes: 0,
    cost: 0,
  };
  readonly #latencies = new Latencies();

  constructor(
    private readonly targets: readonly SimulatedTarget[],
    private readonly timeline: ShareTimeline,
    private readonly episodes: EpisodeTracker,
  ) {}

  arrived(): void {
    this.#counts.jobs++;
  }

  firstAttempt(target: number, now: number, world: World, shares: readonly number[] | undefined): void {
    this.#counts.firstAttempts++;
    this.timeline.add(target, now);
    if (shares) this.episodes.seen(shares, now);
    if (!isFailing(world, target, now)) return;
    this.#counts.firstToFailing++;
    if (this.targets.some((_, other) => !isFailing(world, other, now))) this.#counts.firstToFailingAvoidably++;
  }

  attemptEnded(target: number, end: AttemptEnd, call: Call): void {
    this.#counts.attempts++;
    if (end.outcome === 'success') this.#counts.cost += priceOf(this.targets[target] as SimulatedTarget, call);
  }

  probed(target: number, call: Call): void {
    this.#counts.probes++;
    this.#counts.cost += priceOf(this.targets[target] as SimulatedTarget, call);
  }

  ended(job: SimulatedJob, how: 'answered' | 'gave-up' | 'deadline', now: number): void {
    if (how === 'gave-up') this.#counts.gaveUp++;
    else if (how === 'deadline') this.#counts.missedDeadline++;
    else {
      this.#counts.answered++;
      if (job.parkings > 0) this.#counts.answeredAfterParking++;
      this.#latencies.add(now - job.arrivedAtMs);
    }
  }

  figures(): JobFigures {
    const { jobs, answered, gaveUp, missedDeadline } = this.#counts;
    const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = this.#latencies.percentiles([0.5, 0.95, 0.99]);
    return { ...this.#counts, lost: jobs - answered - gaveUp - missedDeadline, p50Ms, p95Ms, p99Ms };
  }
}

const isFailing = (world: World, target: number, now: number) =>
  world.errorShare(target, now) > FAILING_FROM_ERROR_SHARE;

function priceOf({ inputPrice, outputPrice }: SimulatedTarget, { contextTokens, generatedTokens }: Call): number {
  return (contextTokens * inputPrice + generatedTokens * outputPrice) / 1_000_000;
}
