import type { UnderstudyConfig } from '#libs/config';
import type { ProbeJob, TargetHealth } from '#libs/contracts';
import { isDisabling } from '#libs/health-core';
import type { SnapshotFeed } from '#libs/store';

/** One slot in so many has its ping whatever traffic shows. */
const PINGED_ANYWAY = 4;

/** How often each target is to be pinged now. */
export interface ProbePace {
  /** Length of a slot of `target`, in milliseconds. */
  intervalMs(target: string): number;
  /** Calls `listener` whenever an interval may have changed. */
  onChange(listener: () => void): void;
}

/**
 * What the aggregator wishes, as long as it lives: a target that failed once is asked again at once, one that is out of use
 * every few seconds. Slower than configured only for what is disabled; without news of the aggregator, as configured.
 */
export class SnapshotPace implements ProbePace {
  #publishedAt = 0;
  #targets: ReadonlyMap<string, TargetHealth> = new Map();

  constructor(
    private readonly config: Pick<UnderstudyConfig, 'probes' | 'health'>,
    private readonly feed: Pick<SnapshotFeed, 'onChange' | 'ageMs'>,
  ) {
    feed.onChange(({ at, targets }) => {
      this.#publishedAt = at;
      this.#targets = new Map(targets.map((health) => [health.target, health]));
    });
  }

  intervalMs(target: string): number {
    const { intervalMs } = this.config.probes;
    const health = this.#targets.get(target);
    // A key that is refused stays so while the aggregator is away.
    if (health && isDisabled(health)) return health.probeIntervalMs;
    const wish = this.#isStale() ? undefined : health?.probeIntervalMs;
    return Math.min(wish ?? intervalMs, intervalMs);
  }

  /** Number of breaker transitions of `target` so far: a ping says under which it began. Unknown without a snapshot. */
  generation(target: string): number | undefined {
    return this.#targets.get(target)?.generation;
  }

  /**
   * Whether a ping would only show what real traffic has just shown. Each fourth one is made all the same: pings are alike and
   * jobs are not, so the usual latency needs both. The article's formulas know pings alone, and get all of them.
   */
  isSpared({ target, slot, intervalMs }: ProbeJob): boolean {
    const { probes, health: rules } = this.config;
    const health = this.#targets.get(target);
    if (!probes.spareWithTraffic || rules.scoring === 'article' || this.#isStale() || !health) return false;
    // A faster pace is a wish to know more.
    if (intervalMs < probes.intervalMs || slot % PINGED_ANYWAY === 0) return false;
    const { healthy, consecutiveFailures, lastGoodTrafficAt } = health;
    const quietMs = this.#publishedAt - lastGoodTrafficAt + this.feed.ageMs();
    return healthy && consecutiveFailures === 0 && quietMs < intervalMs / 2;
  }

  onChange(listener: () => void): void {
    this.feed.onChange(listener);
  }

  #isStale(): boolean {
    return this.feed.ageMs() > this.config.health.policy.staleAfterMs;
  }
}

const isDisabled = ({ breaker, reason }: TargetHealth): boolean => breaker === 'open' && isDisabling(reason);
