import {
  choose,
  consequenceOf,
  initialRoutingState,
  settle,
  type Choice,
  type HealthPolicy,
  type Observation,
  type RoutingState,
  type TargetProfile,
  type TargetView,
} from '#libs/health-core';
import { LocalHealth } from '../../apps/router/src/local-health.js';
import { parkPause } from '../../apps/router/src/park-pause.js';
import { pauseBeforeNextPass } from '../../apps/router/src/pause-before-next-pass.js';
import type { AttemptEnd, Decision, SimulatedJob, Surroundings } from './routing-rules.js';
import type { PublishedViews, SnapshotPath } from './snapshot-path.js';

/** Attempts of one job until it is parked. */
const MAX_ATTEMPTS_PER_PASS = 4;

/** One router: decides with the last snapshot that reached it and with what it saw itself, all through the real core. */
export class RouterProcess {
  #routing: RoutingState = initialRoutingState();
  /** Exists while the snapshot is too old to go by. */
  #local: LocalHealth | undefined;
  #reported = 0;
  /** Providers that failed a job since it was last parked. */
  readonly #failedProviders = new WeakMap<SimulatedJob, Set<string>>();

  constructor(
    private readonly name: string,
    private readonly surroundings: Surroundings,
    private readonly snapshots: SnapshotPath,
    private readonly profiles: readonly TargetProfile[],
    private readonly policy: HealthPolicy,
  ) {}

  decide(job: SimulatedJob, now: number): Decision {
    if (job.tried.size >= MAX_ATTEMPTS_PER_PASS)
      return this.#park(job, pauseBeforeNextPass(job.parkings, this.surroundings.draw()), now);
    const isRetry = job.tried.size > 0;
    const question = {
      primary: this.#views(now),
      standIns: [],
      fallbacks: [],
      tried: isRetry ? new Set([...job.tried].map((i) => this.profiles[i]?.id ?? '')) : NONE,
      failedProviders: this.#failedProviders.get(job) ?? NONE,
      isRetry,
      parkings: job.parkings,
    };
    const { choice, waitMs, shares, routing } = choose(
      question,
      this.#routing,
      now,
      this.surroundings.draw(),
      this.policy,
    );
    this.#routing = routing;
    if (!choice) return this.#park(job, waitMs, now);
    const target = this.profiles.findIndex(({ id }) => id === choice.target);
    // The aggregator counts generations for itself; a router on its own has others.
    const published = this.snapshots.latest().targets[target]?.generation ?? 0;
    return {
      kind: 'attempt',
      target,
      shares: this.profiles.map(({ id }) => shares.find((share) => share.target === id)?.share ?? 0),
      ended: (end) => this.#ended(job, target, choice, published, end),
    };
  }

  #park(job: SimulatedJob, wishMs: number, now: number): Decision {
    this.#failedProviders.delete(job);
    const leftMs = job.deadlineAtMs - now;
    return { kind: 'park', waitMs: parkPause(wishMs, leftMs, this.policy) ?? leftMs };
  }

  #ended(job: SimulatedJob, target: number, choice: Choice, published: number, end: AttemptEnd): void {
    const { now } = this.surroundings.events;
    // A call that the job's own deadline cut short proves nothing about the target.
    const outcome = end.cutByDeadline ? 'cancelled' : end.outcome;
    const observation: Observation = {
      id: `${this.name}-${++this.#reported}`,
      target: choice.target,
      source: 'traffic',
      outcome,
      latencyMs: end.latencyMs,
      at: now,
      generation: choice.generation,
      ...(choice.kind === 'trial' && { trial: true }),
      ...(choice.kind === 'panic' && { panic: true }),
      ...(end.retryAfterMs !== undefined && { retryAfterMs: end.retryAfterMs }),
    };
    this.#routing = settle(this.#routing, choice.target, observation, now, this.surroundings.draw(), this.policy);
    this.#local?.observe(observation, now);
    this.snapshots.report({ ...observation, generation: published });
    if (outcome !== 'success' && consequenceOf(outcome).health === 'failure') this.#remember(job, target);
  }

  #remember(job: SimulatedJob, target: number): void {
    const providers = this.#failedProviders.get(job) ?? new Set();
    providers.add(this.profiles[target]?.provider ?? '');
    this.#failedProviders.set(job, providers);
  }

  #views(now: number): readonly TargetView[] {
    const snapshot = this.snapshots.latest();
    if (now - snapshot.at > this.policy.staleAfterMs) return this.#localViews(snapshot, now);
    this.#local = undefined;
    return snapshot.targets;
  }

  #localViews(last: PublishedViews, now: number): TargetView[] {
    const { profiles, policy, surroundings } = this;
    const byTarget = new Map(last.targets.map((view) => [view.target, view]));
    this.#local ??= new LocalHealth(profiles, byTarget, now, policy, surroundings.draw);
    return [...this.#local.views(now).values()];
  }
}

const NONE: ReadonlySet<string> = new Set();
