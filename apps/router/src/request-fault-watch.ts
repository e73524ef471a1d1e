import type { FailureClass } from '#libs/health-core';

/** Unknown parameters in a row after which a target is suspected, and not those who ask it. */
const MOST_IN_A_ROW = 10;

/** Share of refused requests from which a target is suspected, where the others refuse fewer than the second. */
const SUSPICIOUS_SHARE = 0.2;
const USUAL_SHARE = 0.05;

/** Fewer calls than this say nothing about a share. */
const FEWEST_CALLS = 50;

/** From this many on calls count half: what was long ago is forgotten. */
const FORGET_FROM_CALLS = 400;

/** A target that finds fault with many requests. */
export interface RequestFaults {
  /** Refused for an unknown parameter, without an answer between. */
  inARow: number;
  /** Of its calls lately, 0–1. */
  share: number;
}

interface Count {
  calls: number;
  refused: number;
  inARow: number;
  isSuspected: boolean;
}

/** Tells a target whose requests are built wrongly (a field to rename, a model that takes less) from callers that ask wrongly. */
export class RequestFaultWatch {
  readonly #counts = new Map<string, Count>();

  /**
   * A call to a target has ended.
   * @returns what speaks against it, once; told again when it was well between. Undefined: nothing, or it is told already
   */
  heard(target: string, outcome: 'success' | FailureClass): RequestFaults | undefined {
    if (outcome !== 'success' && outcome !== 'unsupported_param' && outcome !== 'bad_request') return undefined;
    const count = this.#counts.get(target) ?? { calls: 0, refused: 0, inARow: 0, isSuspected: false };
    this.#counts.set(target, count);
    count.calls++;
    if (outcome !== 'success') count.refused++;
    if (outcome !== 'bad_request') count.inARow = outcome === 'success' ? 0 : count.inARow + 1;
    if (count.calls >= FORGET_FROM_CALLS) Object.assign(count, { calls: count.calls / 2, refused: count.refused / 2 });

    const { isSuspected } = count;
    count.isSuspected = count.inARow >= MOST_IN_A_ROW || this.#refusesMore(target, count);
    return count.isSuspected && !isSuspected ? { inARow: count.inARow, share: shareOf(count) } : undefined;
  }

  /** Alone it says nothing: its callers may be wrong. */
  #refusesMore(target: string, count: Count): boolean {
    if (count.calls < FEWEST_CALLS || shareOf(count) < SUSPICIOUS_SHARE) return false;
    const others = { calls: 0, refused: 0 };
    for (const [id, { calls, refused }] of this.#counts) {
      if (id === target) continue;
      others.calls += calls;
      others.refused += refused;
    }
    return others.calls >= FEWEST_CALLS && shareOf(others) < USUAL_SHARE;
  }
}

const shareOf = ({ calls, refused }: Pick<Count, 'calls' | 'refused'>) => refused / calls;
