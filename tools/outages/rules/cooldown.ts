import type { AttemptEnd, Decision, RoutingRules, RulesFactory, SimulatedJob, Surroundings } from '../routing-rules.js';
import { pickByWeight, sharesOf } from './pick.js';

const PROCESSES = 2;
const COOLDOWN_MS = 5_000;
const FAILED_SHARE = 0.5;
const FEWEST_CALLS = 5;
const MINUTE_MS = 60_000;
/** Calls of one job in a group: the first one and two retries. */
const CALLS_PER_GROUP = 3;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 8_000;

/** Calls of the current minute, in one process. */
interface MinuteCount {
  minute: number;
  calls: number;
  failures: number;
}

/**
 * A weighted random pick with a cooldown, after LiteLLM's router and its defaults: a target is left alone for 5 s after a 429, or when
 * more than half of at least 5 calls in this minute failed; failures are counted by each process, cooldowns are shared. A retry skips
 * what failed this job, and waits only while nothing else is there. A higher tier is the fallback group. Nothing waits in a queue:
 * when the retries are used up the job has failed.
 */
class CooldownRules implements RoutingRules {
  readonly #counts: MinuteCount[][];
  readonly #coolUntil: number[];
  /** Calls that a job could not make because nobody was there: they use its retries up as well. */
  readonly #vainCalls = new WeakMap<SimulatedJob, number>();

  constructor(private readonly surroundings: Surroundings) {
    const { targets } = surroundings.world;
    this.#counts = Array.from({ length: PROCESSES }, () => targets.map(() => ({ minute: 0, calls: 0, failures: 0 })));
    this.#coolUntil = targets.map(() => 0);
  }

  decide(job: SimulatedJob, now: number): Decision {
    const { targets } = this.surroundings.world;
    const spent = job.attempts + (this.#vainCalls.get(job) ?? 0);
    const group = Math.floor(spent / CALLS_PER_GROUP);
    const tiers = [...new Set(targets.map(({ tier }) => tier))].toSorted((a, b) => a - b);
    const tier = tiers[group];
    if (tier === undefined) return { kind: 'give-up' };
    const available = targets.map((target, i) =>
      target.tier === tier && now >= (this.#coolUntil[i] ?? 0) ? target.weight : 0,
    );
    const untried = available.map((weight, i) => (job.tried.has(i) ? 0 : weight));
    const fresh = pickByWeight(untried, this.surroundings.draw());
    if (fresh !== undefined) return this.#attempt(job, fresh, sharesOf(available));

    // Every target of the group failed this job or cools down: the next call comes after a pause, and may go to any of them.
    const backoffMs = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (spent % CALLS_PER_GROUP));
    job.tried.clear();
    if (pickByWeight(available, 0) === undefined) this.#vainCalls.set(job, spent - job.attempts + 1);
    return { kind: 'wait', waitMs: backoffMs * (1 + 0.25 * this.surroundings.draw()) };
  }

  #attempt(job: SimulatedJob, target: number, shares: readonly number[]): Decision {
    const counts = this.#counts[job.number % PROCESSES]?.[target] as MinuteCount;
    return { kind: 'attempt', target, shares, ended: (end) => this.#ended(target, counts, end) };
  }

  #ended(target: number, count: MinuteCount, { outcome, cutByDeadline }: AttemptEnd): void {
    if (cutByDeadline) return;
    const { now } = this.surroundings.events;
    const minute = Math.floor(now / MINUTE_MS);
    if (count.minute !== minute) Object.assign(count, { minute, calls: 0, failures: 0 });
    count.calls++;
    if (outcome === 'success') return;
    count.failures++;
    const isFailing = count.calls >= FEWEST_CALLS && count.failures / count.calls > FAILED_SHARE;
    if (outcome === 'rate_limited' || isFailing) this.#coolUntil[target] = now + COOLDOWN_MS;
  }
}

export const cooldownRules: RulesFactory = (surroundings) => new CooldownRules(surroundings);
