import { DEFAULT_POLICY, type HealthPolicy, type TargetProfile } from '#libs/health-core';
import { Prober } from '../prober.js';
import { RouterProcess } from '../router-process.js';
import type { Decision, RoutingRules, RulesFactory, SimulatedJob, Surroundings } from '../routing-rules.js';
import { SnapshotPath, type Absence } from '../snapshot-path.js';
import type { SimulatedTarget } from '../targets.js';

const ROUTERS = 2;
const PROBE_INTERVAL_MS = 30_000;

/** What may differ from the deployment that is shipped. */
export interface AdaptiveOptions {
  policy?: Partial<HealthPolicy>;
  /** A time without an aggregator. */
  absence?: Absence;
}

/** Understudy as it is deployed: one leading aggregator, one prober, two routers that take jobs from one queue. */
class AdaptiveRules implements RoutingRules {
  readonly #routers: RouterProcess[];

  constructor(surroundings: Surroundings, { policy: changes, absence }: AdaptiveOptions) {
    const policy = { ...DEFAULT_POLICY, ...changes };
    const profiles = surroundings.world.targets.map(profileOf);
    const snapshots = new SnapshotPath({
      events: surroundings.events,
      draw: surroundings.draw,
      profiles,
      policy,
      probeIntervalMs: PROBE_INTERVAL_MS,
      absence,
    });
    new Prober(surroundings, snapshots, { intervalMs: PROBE_INTERVAL_MS, followsWishes: true });
    this.#routers = Array.from(
      { length: ROUTERS },
      (_, i) => new RouterProcess(`router-${i}`, surroundings, snapshots, profiles, policy),
    );
  }

  decide(job: SimulatedJob, now: number): Decision {
    // A job that was parked is taken up by whichever router is free.
    const router = this.#routers[(job.number + job.parkings) % ROUTERS] as RouterProcess;
    return router.decide(job, now);
  }
}

/** What is configured about a simulated target. */
export function profileOf({ id, provider, tier, weight, maxLatencyMs, timeoutMs }: SimulatedTarget): TargetProfile {
  return { id, provider, tier, weight, maxLatencyMs, timeoutMs };
}

/** @param options for tests and for measuring what a value of the policy is worth */
export function adaptiveRulesWith(options: AdaptiveOptions): RulesFactory {
  return (surroundings) => new AdaptiveRules(surroundings, options);
}

export const adaptiveRules: RulesFactory = adaptiveRulesWith({});
