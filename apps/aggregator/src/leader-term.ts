import type { UnderstudyConfig } from '#libs/config';
import { STREAM_START, type ObservationBatch, type ObservationReader, type SnapshotStore } from '#libs/store';
import { FleetHealth, type FleetEffect } from './fleet-health.js';
import type { SavedState } from './saved-state.js';

/** A snapshot is published at least this often, so that readers know that somebody leads. */
const HEARTBEAT_MS = 1_000;

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
  #publishAt = 0;
  #unpublished: FleetEffect[] = [];

  /** @param saved what the last leader left; without it everything that the stream still holds is read */
  constructor(
    readonly epoch: number,
    config: Pick<UnderstudyConfig, 'targets' | 'health'>,
    saved: SavedState | null,
    private readonly reader: Pick<ObservationReader, 'read'>,
    private readonly store: Pick<SnapshotStore, 'publish'>,
  ) {
    this.#fleet = new FleetHealth(config, saved ?? undefined);
    this.#removed = this.#fleet.removed;
    this.#cursor = saved?.cursor ?? STREAM_START;
    this.#version = saved?.version ?? 0;
  }

  /** Waits for observations, no longer than until the next heartbeat, and folds them. */
  async read(now: number): Promise<StepCounts> {
    const changed = this.#unpublished.some(({ type }) => type === 'state-changed');
    const blockMs = changed ? 1 : Math.min(HEARTBEAT_MS, Math.max(1, this.#publishAt - now));
    const batch = await this.reader.read(this.#cursor, { blockMs });
    this.#cursor = batch.cursor;
    return this.#fold(batch);
  }

  /** Whether there is something to publish: a change of state at once, anything else with the heartbeat. */
  isDue(now: number): boolean {
    return now >= this.#publishAt || this.#unpublished.some(({ type }) => type === 'state-changed');
  }

  /**
   * Publishes health, and how far the stream has been read, in one step.
   * @returns what the observations since the last publication led to; null when another leads by now
   * @throws while Redis is away; then the effects are kept for the next time
   */
  async publish(now: number): Promise<FleetEffect[] | null> {
    // A publication whose answer was lost may have been carried out: its version is never used again.
    const version = ++this.#version;
    const snapshot = this.#fleet.snapshot({ epoch: this.epoch, version, at: now });
    const state = JSON.stringify(this.save());
    if (!(await this.store.publish({ epoch: this.epoch, snapshot, state, removed: this.#removed }))) return null;
    this.#removed = [];
    this.#publishAt = now + HEARTBEAT_MS;
    return this.#unpublished.splice(0);
  }

  /** All that the next term needs. */
  save(): SavedState {
    return { version: this.#version, cursor: this.#cursor, ...this.#fleet.save() };
  }

  #fold({ observations, rejected }: ObservationBatch): StepCounts {
    const counts: StepCounts = { folded: 0, repeated: 0, problems: rejected.map(({ problem }) => problem) };
    for (const observation of observations) {
      const folded = this.#fleet.fold(observation);
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
