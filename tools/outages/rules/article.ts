import { DEFAULT_POLICY, type HealthPolicy, type TargetView } from '#libs/health-core';
import { Prober } from '../prober.js';
import type { Decision, RoutingRules, RulesFactory, SimulatedJob, Surroundings } from '../routing-rules.js';
import { SnapshotPath } from '../snapshot-path.js';
import { profileOf } from './adaptive.js';
import { indexOfLargest, pickByWeight, sharesOf } from './pick.js';

const PROBE_INTERVAL_MS = 30_000;

/**
 * The article's rules, with the core's `article` profile: health comes from a ping every 30 s and from nothing else. The first attempt
 * goes to a healthy target drawn by weight × score; after a failure the healthy ones follow by score, then all others in their written
 * order, each once. Then the job has failed.
 */
class ArticleRules implements RoutingRules {
  readonly #snapshots: SnapshotPath;

  constructor(private readonly surroundings: Surroundings) {
    const policy: HealthPolicy = { ...DEFAULT_POLICY, scoring: 'article' };
    this.#snapshots = new SnapshotPath({
      events: surroundings.events,
      draw: surroundings.draw,
      profiles: surroundings.world.targets.map(profileOf),
      policy,
      probeIntervalMs: PROBE_INTERVAL_MS,
    });
    new Prober(surroundings, this.#snapshots, { intervalMs: PROBE_INTERVAL_MS, followsWishes: false });
  }

  decide(job: SimulatedJob): Decision {
    const views = this.#snapshots.latest().targets;
    if (job.attempts === 0) {
      const weights = firstWeights(views);
      const first = pickByWeight(weights, this.surroundings.draw());
      if (first !== undefined) return { kind: 'attempt', target: first, shares: sharesOf(weights) };
    }
    const scores = views.map(({ score }) => score);
    const next =
      indexOfLargest(scores, (i) => !job.tried.has(i) && views[i]?.healthy === true) ??
      views.findIndex((_, i) => !job.tried.has(i));
    return next === -1 ? { kind: 'give-up' } : { kind: 'attempt', target: next };
  }
}

/** The article knows no tiers: a reserve target has its weight among the others only while none of them is healthy. */
function firstWeights(views: readonly TargetView[]): number[] {
  const tier = Math.min(...views.filter(({ healthy }) => healthy).map((view) => view.tier));
  return views.map((view) => (view.healthy && view.tier === tier ? view.weight * view.score : 0));
}

export const articleRules: RulesFactory = (surroundings) => new ArticleRules(surroundings);
