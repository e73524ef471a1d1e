/** Reporters that are remembered. Each process start is a new one; those that reported longest ago are forgotten first. */
const MAX_REPORTERS = 1_000;

/** Last sequence number of each reporter, in the order in which they last reported. */
export type ReporterSequences = [reporter: string, sequence: number][];

/**
 * Tells repeats from news, in constant time and bounded memory. An id is `<reporter>-<sequence>`, and what one reporter sends
 * arrives in the order of its sequence; so the highest number seen of each is all there is to remember.
 */
export class SeenObservations {
  readonly #highest: Map<string, number>;

  constructor(sequences: ReporterSequences = []) {
    this.#highest = new Map(sequences);
  }

  /** Whether this id is news; from then on it is not. */
  take(id: string): boolean {
    const { reporter, sequence } = partsOf(id);
    const highest = this.#highest.get(reporter);
    // Put at the end, so that the front of the map holds whoever has been silent longest.
    this.#highest.delete(reporter);
    this.#highest.set(reporter, Math.max(sequence, highest ?? 0));
    for (const oldest of this.#highest.keys()) {
      if (this.#highest.size <= MAX_REPORTERS) break;
      this.#highest.delete(oldest);
    }
    return highest === undefined || sequence > highest;
  }

  /** Everything remembered, for the constructor of the next one. */
  toJSON(): ReporterSequences {
    return [...this.#highest];
  }
}

/** An id of another form is a reporter of its own that reports once. */
function partsOf(id: string): { reporter: string; sequence: number } {
  const [, reporter = id, digits = '0'] = /^(.+)-(\d{1,15})$/.exec(id) ?? [];
  return { reporter, sequence: Number(digits) };
}
