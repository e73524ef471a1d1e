/** Counts first attempts per target in equal pieces of time. */
export class ShareTimeline {
  readonly #counts: Float64Array[];
  readonly #bucketMs: number;

  constructor(
    targets: number,
    private readonly fromMs: number,
    toMs: number,
    readonly buckets: number,
  ) {
    this.#bucketMs = (toMs - fromMs) / buckets;
    this.#counts = Array.from({ length: targets }, () => new Float64Array(buckets));
  }

  add(target: number, now: number): void {
    const bucket = Math.min(this.buckets - 1, Math.floor((now - this.fromMs) / this.#bucketMs));
    const counts = this.#counts[target];
    if (counts && bucket >= 0) counts[bucket] = (counts[bucket] ?? 0) + 1;
  }

  /** Share of each target in one piece of time; undefined when nothing was sent in it. */
  shares(bucket: number): number[] | undefined {
    const counts = this.#counts.map((of) => of[bucket] ?? 0);
    const sum = counts.reduce((total, count) => total + count, 0);
    return sum === 0 ? undefined : counts.map((count) => count / sum);
  }
}
