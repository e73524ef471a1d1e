import { STREAM_START, type ObservationBatch, type ObservationReader, type SnapshotStore } from '#libs/store';
import type { ModelListingService } from './model-listing.service.js';
import { FleetHealth, type FleetConfig, type FleetEffect } from './fleet-health.js';
import type { OperatorWord } from './operator-word.js';
import type { SavedState } from './saved-state.js';

/** A snapshot is published at least this often, so that readers know that somebody leads. */
const HEARTBEAT_MS = 1_000;

/** A wish for faster probes does not wait for the heartbeat, but comes no more often than this. */
const SHORTEST_GAP_MS = 250;

/** What lay in the stream for longer than this happened while nobody led; it is judged by the time at which it happened. */
const BACKLOG_AFTER_MS = 2_000;

/** What became of the observations of one step. */
export interface StepCounts {
  folded: number;
  repeated: number;
  /** Why each of the others was dropped. */
  problems: string[];
}

/** One leadership, from winning the lease to losing it: reads observations, folds them, publishes what follows. */
export class LeaderTerm {
  readonly #fleet: FleetHealth;
  #cursor: string;
  #version: number;
  #removed: readonly string[];
  #publishedAt = -Infinity;
  #publishAt = 0;
  #unpublished: FleetEffect[] = [];

  /** @param saved what the last leader left; without it everything that the stream still holds is read */
  constructor(
    readonly epoch: number,
    config: FleetConfig,
    saved: SavedState | null,
    private readonly reader: Pick<ObservationReader, 'read'>,
    private readonly store: Pick<SnapshotStore, 'publish'>,
    private readonly word: Pick<OperatorWord, 'read'> | null = null,
    private readonly listings: Pick<ModelListingService, 'addTo'> | null = null,
  ) {
    this.#fleet = new FleetHealth(config, saved ?? undefined);
    this.#removed = this.#fleet.removed;
    this.#cursor = saved?.cursor ?? STREAM_START;
    this.#version = saved?.version ?? 0;
  }

  /** Waits for observations, no longer than until the next publication is due, and folds them. */
  async read(now: number): Promise<StepCounts> {
    const blockMs = this.isDue(now) ? 1 : Math.max(1, this.#publishAt - now);
    const startedAt = performance.now();
    const batch = await this.reader.read(this.#cursor, { blockMs });
    this.#cursor = batch.cursor;
    const readAt = now + (performance.now() - startedAt);
    const counts = this.#fold(batch, readAt);
    if (counts.folded > 0) this.#schedule(readAt);
    return counts;
  }

  /** Whether there is something to publish: what changes routing at once, anything else with the heartbeat. */
  isDue(now: number): boolean {
    // A clock that was set back must not silence us until it has caught up.
    return now >= this.#publishAt || this.#publishAt - now > HEARTBEAT_MS;
  }

  /**
   * Publishes health, and how far the stream has been read, in one step.
   * @returns what the observations since the last publication led to; null when another leads by now
   * @throws while Redis is away; then the effects are kept for the next time
   */
  async publish(now: number): Promise<FleetEffect[] | null> {
    const setting = await this.word?.read();
    this.#unpublished.push(...this.#fleet.tick(now, setting?.mode));
    // A publication whose answer was lost may have been carried out: its version is never used again.
    const version = ++this.#version;
    const health = this.#fleet.snapshot({ epoch: this.epoch, version, at: now });
    const snapshot = this.listings?.addTo(health) ?? health;
    this.#unpublished.push(...this.#fleet.alertsOf(snapshot));
    const state = JSON.stringify(this.save());
    if (!(await this.store.publish({ epoch: this.epoch, snapshot, state, removed: this.#removed }))) return null;
    this.#removed = [];
    this.#publishedAt = now;
    this.#publishAt = now + HEARTBEAT_MS;
    return this.#unpublished.splice(0);
  }

  /** All that the next term needs. */
  save(): SavedState {
    return { version: this.#version, cursor: this.#cursor, ...this.#fleet.save() };
  }

  #schedule(now: number): void {
    if (
      this.#unpublished.some(({ type }) => type === 'state-changed' || type === 'breaker-changed' || type === 'blocked')
    )
      this.#publishAt = 0;
    else if (this.#fleet.wantsProbesSooner(now))
      this.#publishAt = Math.min(this.#publishAt, this.#publishedAt + SHORTEST_GAP_MS);
  }

  #fold({ observations, waitedMs, rejected }: ObservationBatch, now: number): StepCounts {
    const counts: StepCounts = { folded: 0, repeated: 0, problems: rejected.map(({ problem }) => problem) };
    for (const [i, observation] of observations.entries()) {
      const waited = waitedMs[i] ?? 0;
      const folded = this.#fleet.fold(observation, waited > BACKLOG_AFTER_MS ? now - waited : now);
      if (folded.as === 'unknown-target')
        counts.problems.push(`no target is called ${JSON.stringify(observation.target.slice(0, 100))}`);
      else if (folded.as === 'repeat') counts.repeated++;
      else {
        counts.folded++;
        this.#unpublished.push(...folded.effects);
      }
    }
    return counts;
  }
}
