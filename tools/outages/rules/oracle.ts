import { FAILING_FROM_ERROR_SHARE } from '../run-recorder.js';
import type { Decision, RoutingRules, RulesFactory, SimulatedJob, Surroundings } from '../routing-rules.js';
import { pickByWeight, sharesOf } from './pick.js';

/** How long a job waits after every target failed it while one of them answers some calls. */
const PAUSE_MS = 500;
/** How often a job that nothing can answer looks again. */
const LOOK_AGAIN_MS = 1_000;

/** Knows the incidents, and parks jobs like `adaptive`: what no honest rules can beat. */
class OracleRules implements RoutingRules {
  readonly #blockedUntil: number[];

  constructor(private readonly surroundings: Surroundings) {
    this.#blockedUntil = surroundings.world.targets.map(() => 0);
  }

  decide(job: SimulatedJob, now: number): Decision {
    const weights = this.#weights(job, now);
    const target = pickByWeight(weights, this.surroundings.draw());
    if (target === undefined) return { kind: 'park', waitMs: job.tried.size > 0 ? PAUSE_MS : LOOK_AGAIN_MS };
    return {
      kind: 'attempt',
      target,
      shares: sharesOf(weights),
      ended: ({ outcome, retryAfterMs = 0 }) => {
        if (outcome === 'rate_limited') this.#blockedUntil[target] = this.surroundings.events.now + retryAfterMs;
      },
    };
  }

  /** The targets of the best tier that has one which works; without such a one those that fail the fewest calls. */
  #weights(job: SimulatedJob, now: number): number[] {
    const { world } = this.surroundings;
    const { targets } = world;
    const errorShares = targets.map((_, i) =>
      job.tried.has(i) || now < (this.#blockedUntil[i] ?? 0) ? 1 : world.errorShare(i, now),
    );
    const working = targets.filter((_, i) => (errorShares[i] ?? 1) <= FAILING_FROM_ERROR_SHARE);
    const tier = Math.min(...working.map((target) => target.tier));
    const least = Math.min(...errorShares);
    if (least === 1) return targets.map(() => 0);
    return targets.map((target, i) => {
      const isChosen = working.length > 0 ? working.includes(target) && target.tier === tier : errorShares[i] === least;
      return isChosen ? target.weight : 0;
    });
  }
}

export const oracleRules: RulesFactory = (surroundings) => new OracleRules(surroundings);
