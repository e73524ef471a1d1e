import type { UnderstudyConfig } from '#libs/config';
import type { TargetHealth } from '#libs/contracts';
import type { SnapshotFeed } from '#libs/store';

/** How often each target is to be pinged now. */
export interface ProbePace {
  /** Length of a slot of `target`, in milliseconds. */
  intervalMs(target: string): number;
  /** Calls `listener` whenever an interval may have changed. */
  onChange(listener: () => void): void;
}

/**
 * What the aggregator wishes, as long as it lives: a target that failed once is asked again at once, one that is out of use
 * every few seconds. Never slower than configured; without news of the aggregator, as configured.
 */
export class SnapshotPace implements ProbePace {
  #targets: ReadonlyMap<string, TargetHealth> = new Map();

  constructor(
    private readonly config: Pick<UnderstudyConfig, 'probes' | 'health'>,
    private readonly feed: Pick<SnapshotFeed, 'onChange' | 'ageMs'>,
  ) {
    feed.onChange(({ targets }) => (this.#targets = new Map(targets.map((health) => [health.target, health]))));
  }

  intervalMs(target: string): number {
    const { intervalMs } = this.config.probes;
    const wish = this.#isStale() ? undefined : this.#targets.get(target)?.probeIntervalMs;
    return Math.min(wish ?? intervalMs, intervalMs);
  }

  /** Number of breaker transitions of `target` so far: a ping says under which it began. Unknown without a snapshot. */
  generation(target: string): number | undefined {
    return this.#targets.get(target)?.generation;
  }

  onChange(listener: () => void): void {
    this.feed.onChange(listener);
  }

  #isStale(): boolean {
    return this.feed.ageMs() > this.config.health.policy.staleAfterMs;
  }
}
