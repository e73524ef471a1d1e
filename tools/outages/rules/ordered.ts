import type { AttemptEnd, Decision, RoutingRules, RulesFactory, SimulatedJob, Surroundings } from '../routing-rules.js';

const PROCESSES = 2;
const FAILURES_TO_OPEN = 5;
const FAILED_SHARE = 0.2;
const FEWEST_CALLS = 10;
const COOLDOWN_MS = 60_000;

/** What one process counts of one target; 0 for times that are not set. */
interface Circuit {
  calls: number;
  failures: number;
  firstFailureAt: number;
  openUntil: number;
}

/**
 * Ordered fallback with a circuit breaker, after Portkey's gateway: every job asks the targets in their written order, each once. A
 * circuit opens after 5 failures, or when more than 20 % of at least 10 calls failed; it closes by itself after 60 s. When all are
 * open they are all asked. A 429 moves on and is not counted. Each process counts for itself; nothing waits in a queue.
 *
 * The breaker is off by default there and its numbers are the user's: these are those of the documentation's example, and the count.
 */
class OrderedRules implements RoutingRules {
  readonly #circuits: Circuit[][];
  readonly #order: readonly number[];

  constructor(private readonly surroundings: Surroundings) {
    const { targets } = surroundings.world;
    const closed = (): Circuit => ({ calls: 0, failures: 0, firstFailureAt: 0, openUntil: 0 });
    this.#circuits = Array.from({ length: PROCESSES }, () => targets.map(closed));
    this.#order = targets.map((_, i) => i).toSorted((a, b) => (targets[a]?.tier ?? 0) - (targets[b]?.tier ?? 0));
  }

  decide(job: SimulatedJob, now: number): Decision {
    const circuits = this.#circuits[job.number % PROCESSES] ?? [];
    const closed = this.#order.filter((target) => now >= (circuits[target]?.openUntil ?? 0));
    const usable = closed.length > 0 ? closed : this.#order;
    const target = usable.find((index) => !job.tried.has(index));
    if (target === undefined) return { kind: 'give-up' };
    return {
      kind: 'attempt',
      target,
      shares: this.#order.map((_, index) => (index === usable[0] ? 1 : 0)),
      ended: (end) => this.#ended(circuits[target] as Circuit, end),
    };
  }

  #ended(circuit: Circuit, { outcome, cutByDeadline }: AttemptEnd): void {
    if (cutByDeadline || outcome === 'rate_limited') return;
    const { now } = this.surroundings.events;
    if (now < circuit.openUntil) return;
    if (circuit.firstFailureAt > 0 && now - circuit.firstFailureAt > COOLDOWN_MS)
      Object.assign(circuit, { calls: 0, failures: 0, firstFailureAt: 0 });
    circuit.calls++;
    if (outcome === 'success') return;
    circuit.failures++;
    circuit.firstFailureAt ||= now;
    const isRateHigh = circuit.calls >= FEWEST_CALLS && circuit.failures / circuit.calls > FAILED_SHARE;
    if (circuit.failures >= FAILURES_TO_OPEN || isRateHigh)
      Object.assign(circuit, { calls: 0, failures: 0, firstFailureAt: 0, openUntil: now + COOLDOWN_MS });
  }
}

export const orderedRules: RulesFactory = (surroundings) => new OrderedRules(surroundings);
