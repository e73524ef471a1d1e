import type { TargetView } from './target-view.js';

/** Configured tiers are below this; those of the other mode come after all of them. */
const FIRST_RESERVE_TIER = 10;

/** Which mode a target belongs to; undefined: to both. */
export interface ModeMember {
  mode?: string | undefined;
}

/**
 * The target as decisions under a mode see it. One of the other mode is a reserve from the first moment on: it fills in as
 * the targets of this mode lose health, like a higher tier, and no job waits for the mode to change.
 * @param mode the mode in force; null: there are no modes
 * @param returnedAt when it came back after an outage, 0: it did not. Its targets had no traffic until then: their share grows as that of
 * one that has just closed, and the reserve has the rest meanwhile.
 */
export function inMode(view: TargetView, { mode: own }: ModeMember, mode: string | null, returnedAt = 0): TargetView {
  if (mode === null || own === undefined) return view;
  if (own !== mode) return { ...view, tier: view.tier + FIRST_RESERVE_TIER };
  return view.closedAt < returnedAt ? { ...view, closedAt: returnedAt } : view;
}

/** Whether this is a target of the other mode. Probes prove that it is back; no job tries it while others can answer soon. */
export const isReserve = ({ tier }: { tier: number }): boolean => tier >= FIRST_RESERVE_TIER;
