/** A job's final word as it lies in Redis. */
export interface SeenOutcome {
  /** What no other commit has. */
  commit: string;
  status: 'completed' | 'failed';
  /** Of a failed job. */
  code: string | undefined;
  /** Calls made for it. */
  attempts: number;
  /** Of those, calls whose router vanished. */
  lostCalls: number;
}

/** What became of all jobs. */
export interface SoakFigures {
  jobs: number;
  answered: number;
  /** Failed for another reason than its deadline. */
  failed: number;
  /** No answer within the deadline. */
  late: number;
  /** No final word at all. */
  lost: number;
  /** Another final word than the one seen first. */
  duplicated: number;
  /** How many jobs failed with each code. */
  errors: Record<string, number>;
  attempts: number;
  lostCalls: number;
  p50Ms: number;
  p99Ms: number;
  slowestMs: number;
}

interface Entry {
  handedInAt: number;
  first: SeenOutcome | undefined;
  seenAt: number;
  duplicated: boolean;
}

/** Keeps the books of a run: who was handed in, which final word was seen first, and whether it ever changed. Reads no clock. */
export class Ledger {
  readonly #jobs = new Map<string, Entry>();
  readonly #pending = new Set<string>();

  constructor(private readonly deadlineMs: number) {}

  handedIn(jobId: string, now: number): void {
    if (this.#jobs.has(jobId)) throw new Error(`job ${jobId} was handed in twice`);
    this.#jobs.set(jobId, { handedInAt: now, first: undefined, seenAt: 0, duplicated: false });
    this.#pending.add(jobId);
  }

  /** A final word was read. May be told of the same one any number of times. */
  saw(jobId: string, outcome: SeenOutcome, now: number): void {
    const entry = this.#jobs.get(jobId);
    if (!entry) throw new Error(`nobody handed in job ${jobId}`);
    this.#pending.delete(jobId);
    if (!entry.first) Object.assign(entry, { first: outcome, seenAt: now });
    else if (entry.first.commit !== outcome.commit) entry.duplicated = true;
  }

  /** Jobs without a final word so far. */
  get pending(): readonly string[] {
    return [...this.#pending];
  }

  get all(): readonly string[] {
    return [...this.#jobs.keys()];
  }

  figures(): SoakFigures {
    const entries = [...this.#jobs.values()];
    const ended = entries.filter((entry) => entry.first !== undefined);
    const waits = ended.map(({ handedInAt, seenAt }) => seenAt - handedInAt).sort((a, b) => a - b);
    const isLate = ({ first, handedInAt, seenAt }: Entry) =>
      first?.code === 'deadline_exceeded' || seenAt - handedInAt > this.deadlineMs;
    const onTime = ended.filter((entry) => !isLate(entry));
    const errors: Record<string, number> = {};
    for (const { first } of ended) if (first?.code) errors[first.code] = (errors[first.code] ?? 0) + 1;
    const sum = (of: (outcome: SeenOutcome) => number) =>
      ended.reduce((n, { first }) => n + (first ? of(first) : 0), 0);
    return {
      jobs: entries.length,
      answered: onTime.filter(({ first }) => first?.status === 'completed').length,
      failed: onTime.filter(({ first }) => first?.status === 'failed').length,
      late: ended.length - onTime.length,
      lost: entries.length - ended.length,
      duplicated: entries.filter(({ duplicated }) => duplicated).length,
      errors,
      attempts: sum(({ attempts }) => attempts),
      lostCalls: sum(({ lostCalls }) => lostCalls),
      p50Ms: quantile(waits, 0.5),
      p99Ms: quantile(waits, 0.99),
      slowestMs: waits.at(-1) ?? 0,
    };
  }
}

const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
