import type { Surroundings } from './routing-rules.js';
import type { ProbeWish, SnapshotPath } from './snapshot-path.js';

/** Probes come up to this share earlier or later than their interval, so that targets are not asked in step. */
const JITTER = 0.1;

/** What a prober goes by. */
export interface ProberPlan {
  /** Interval while all is well, in milliseconds. */
  intervalMs: number;
  /** Whether it asks more often when the aggregator wishes so. */
  followsWishes: boolean;
}

/** Asks every target on a schedule, and reports how it went. */
export class Prober {
  readonly #lastAt: number[];
  /** When the planned probe of each target is due; an event for another time is out of date. */
  readonly #dueAt: number[];
  #wishes: readonly ProbeWish[] = [];
  #sent = 0;

  constructor(
    private readonly surroundings: Surroundings,
    private readonly snapshots: SnapshotPath,
    private readonly plan: ProberPlan,
  ) {
    const { world, events, draw } = surroundings;
    this.#lastAt = world.targets.map(() => events.now - plan.intervalMs * draw());
    this.#dueAt = world.targets.map(() => Infinity);
    for (const target of world.targets.keys()) this.#planNext(target);
    snapshots.onWishes((wishes) => {
      this.#wishes = wishes;
      if (plan.followsWishes) this.#followWishes();
    });
  }

  /** Brings probes forward that are wanted sooner than they were planned. */
  #followWishes(): void {
    const { now } = this.surroundings.events;
    for (const target of this.#dueAt.keys()) {
      const dueAt = Math.max(now, (this.#lastAt[target] ?? 0) + this.#intervalMs(target));
      if (dueAt < (this.#dueAt[target] ?? Infinity)) this.#planAt(target, dueAt);
    }
  }

  #intervalMs(target: number): number {
    const { intervalMs, followsWishes } = this.plan;
    if (!followsWishes) return intervalMs;
    return this.#wishes[target]?.intervalMs ?? intervalMs;
  }

  #planNext(target: number): void {
    const jitter = 1 + JITTER * (2 * this.surroundings.draw() - 1);
    this.#planAt(target, (this.#lastAt[target] ?? 0) + this.#intervalMs(target) * jitter);
  }

  #planAt(target: number, atMs: number): void {
    this.#dueAt[target] = atMs;
    this.surroundings.events.at(atMs, () => {
      if (this.#dueAt[target] === atMs) this.#probe(target);
    });
  }

  #probe(target: number): void {
    const { events, world, probe } = this.surroundings;
    this.#lastAt[target] = events.now;
    // Before the first news no breaker has ever changed.
    const generation = this.#wishes[target]?.generation ?? 0;
    probe(target, ({ outcome, latencyMs, retryAfterMs }) =>
      this.snapshots.report({
        id: `prober-${++this.#sent}`,
        target: world.targets[target]?.id ?? '',
        source: 'probe',
        outcome,
        latencyMs,
        at: events.now,
        generation,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      }),
    );
    this.#planNext(target);
  }
}
