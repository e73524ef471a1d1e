import type { HealthPolicy, TargetView } from '#libs/health-core';

/**
 * Ends of shared blocks as this router takes them: each router comes back at a time of its own, or the whole fleet would knock at
 * the same moment at a door that has just been opened.
 */
export class OwnBlocks {
  /** By target: the block as it was published, and where it ends here. */
  readonly #known = new Map<string, { published: number; own: number }>();

  /** @param draw gives random numbers in [0, 1) */
  constructor(
    private readonly policy: Pick<HealthPolicy, 'throttleJitter' | 'retryAfterMaxMs'>,
    private readonly draw: () => number = Math.random,
  ) {}

  /**
   * When this router may ask the target again, as far as the block goes, epoch milliseconds; drawn once for each block.
   * @param now on the clock of the snapshot
   */
  own({ target, blockedUntil }: Pick<TargetView, 'target' | 'blockedUntil'>, now: number): number {
    const known = this.#known.get(target);
    if (known?.published === blockedUntil) return known.own;
    const leftMs = Math.max(0, blockedUntil - now);
    const { throttleJitter, retryAfterMaxMs } = this.policy;
    // A clock that is far ahead must not shut a target for longer than a block can be.
    const ownLeftMs = Math.min(leftMs, retryAfterMaxMs) * (1 + throttleJitter * this.draw());
    const own = leftMs === 0 ? blockedUntil : now + ownLeftMs;
    this.#known.set(target, { published: blockedUntil, own });
    return own;
  }
}
