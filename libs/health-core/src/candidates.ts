/** A target that may be asked. */
export interface Routable {
  /** `<provider>/<model>`. */
  id: string;
  /** Configured weight; 0 means that an operator has drained the target. */
  weight: number;
}

/** What is known of a target's health. */
export interface Standing {
  available: boolean;
  /** Available and score above 50. */
  healthy: boolean;
  /** 0–100. */
  score: number;
}

/** Where in the order a candidate stands. */
export type Tier = 'pinned' | 'preferred' | 'primary' | 'stand-in' | 'fallback' | 'last-resort';

/** A target to ask, in its place. */
export interface Candidate {
  target: string;
  tier: Tier;
  score: number;
  weight: number;
}

/** Why a target is not among those asked in the normal order. */
export interface Exclusion {
  target: string;
  reason: 'unavailable' | 'unhealthy' | 'drained' | 'not_pinned';
  score: number;
}

/** What one routing decision rests on. */
export interface RoutingQuestion {
  /** The route's own targets. */
  primary: readonly Routable[];
  /** Other targets that may answer in their place while they are healthy. */
  standIns: readonly Routable[];
  /** Tried in this order after the healthy ones. */
  fallbacks: readonly Routable[];
  /** By target id. A target that is missing is taken for healthy, with the best score. */
  health: ReadonlyMap<string, Standing>;
  /** The only target that may be asked, whatever its health. */
  pin?: Routable | undefined;
  /** Asked first while it is healthy. */
  preferred?: Routable | undefined;
  /** Random number in [0, 1): which of several primary targets is asked first. */
  draw: number;
}

type Rank = 'healthy' | Exclude<Exclusion['reason'], 'not_pinned'>;
type Ranked = Routable & { score: number; rank: Rank };

const UNKNOWN: Standing = { available: true, healthy: true, score: 100 };
const LAST_RESORT_ORDER: Rank[] = ['healthy', 'unhealthy', 'drained', 'unavailable'];

/**
 * Decides whom to ask, and in which order; each target stands in it once.
 *
 * 1. the preferred target, if healthy
 * 2. healthy primary targets: the very first candidate is drawn by score × weight, the others follow by score × weight
 * 3. healthy stand-ins, by score × weight
 * 4. the fallback chain in its own order, unless drained or unavailable
 * 5. last resort: what is left, the unhealthy first, then the drained (weight 0), then the unavailable
 *
 * Nothing is ever left out, because a wrong health record must not turn into a refused job; `excluded` says which
 * targets are last resorts, and why.
 */
export function orderCandidates(question: RoutingQuestion): { candidates: Candidate[]; excluded: Exclusion[] } {
  const { pin, preferred, health } = question;
  const rank = (target: Routable) => ranked(target, health.get(target.id) ?? UNKNOWN);
  const primary = question.primary.map(rank);
  const standIns = question.standIns.map(rank);
  const fallbacks = question.fallbacks.map(rank);
  const wanted = preferred ? [rank(preferred)] : [];
  const everyone = [...wanted, ...primary, ...standIns, ...fallbacks];

  if (pin) {
    const others = unique(everyone).filter(({ id }) => id !== pin.id);
    const excluded = others.map(({ id, score }): Exclusion => ({ target: id, reason: 'not_pinned', score }));
    return { candidates: [toCandidate(rank(pin), 'pinned')], excluded };
  }

  const order = new Map<string, Candidate>();
  const append = (targets: readonly Ranked[], tier: Tier) => {
    for (const target of targets) if (!order.has(target.id)) order.set(target.id, toCandidate(target, tier));
  };

  append(wanted.filter(isHealthy), 'preferred');
  const ownHealthy = byScoreAndWeight(primary.filter(isHealthy));
  if (order.size === 0) append(drawOne(ownHealthy, question.draw), 'primary');
  append(ownHealthy, 'primary');
  append(byScoreAndWeight(standIns.filter(isHealthy)), 'stand-in');
  append(
    fallbacks.filter(({ rank }) => rank === 'healthy' || rank === 'unhealthy'),
    'fallback',
  );

  const left = unique(everyone).filter(({ id }) => !order.has(id));
  append(byRank(left), 'last-resort');
  const excluded = left.map(({ id, rank, score }) => ({ target: id, reason: rank as Exclusion['reason'], score }));
  return { candidates: [...order.values()], excluded };
}

function ranked(target: Routable, { available, healthy, score }: Standing): Ranked {
  const condition = healthy ? 'healthy' : 'unhealthy';
  const rank: Rank = !available ? 'unavailable' : target.weight === 0 ? 'drained' : condition;
  return { id: target.id, weight: target.weight, score, rank };
}

const isHealthy = ({ rank }: Ranked) => rank === 'healthy';
const toCandidate = ({ id, score, weight }: Ranked, tier: Tier): Candidate => ({ target: id, tier, score, weight });
const unique = (targets: Ranked[]) => [...new Map(targets.map((target) => [target.id, target])).values()];
const merit = ({ score, weight }: Ranked) => score * weight;
const byScoreAndWeight = (targets: Ranked[]) => targets.toSorted((a, b) => merit(b) - merit(a));
const byRank = (targets: Ranked[]) =>
  byScoreAndWeight(targets).toSorted((a, b) => LAST_RESORT_ORDER.indexOf(a.rank) - LAST_RESORT_ORDER.indexOf(b.rank));

/** One of the targets, each as likely as its score × weight; none from an empty list. */
function drawOne(targets: readonly Ranked[], draw: number): Ranked[] {
  let rest = draw * targets.reduce((sum, target) => sum + merit(target), 0);
  const drawn = targets.find((target) => (rest -= merit(target)) < 0) ?? targets.at(-1);
  return drawn ? [drawn] : [];
}
