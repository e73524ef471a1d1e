import type { HealthPolicy } from './policy.js';

/** `normal`; `failing`: the normal tier is down, not yet for long; `direct`: it gets no first attempts. */
export interface FleetMode {
  mode: 'normal' | 'failing' | 'direct';
  /** Since when the normal tier is down (`failing`), or up again (`direct`; null while it is down). */
  since: number | null;
}

/** What the caller must do on a change. */
export type FleetEffect = 'page' | 'direct' | 'normal';

export const initialFleetMode = (): FleetMode => ({ mode: 'normal', since: null });

/**
 * Folds one look at the fleet; to be told each second. Traffic does not wait for it: shares move within seconds, the mode
 * adds one page per outage and a hold.
 * @param isPrimaryUp whether any target of tier 0 is healthy
 */
export function fleetTransition(
  fleet: FleetMode,
  isPrimaryUp: boolean,
  now: number,
  policy: HealthPolicy,
): [FleetMode, FleetEffect[]] {
  // A clock that went back starts the count anew instead of waiting for the time to be reached again.
  const since = fleet.since === null ? null : Math.min(fleet.since, now);
  switch (fleet.mode) {
    case 'normal':
      return isPrimaryUp ? [fleet, []] : [{ mode: 'failing', since: now }, []];
    case 'failing':
      if (isPrimaryUp) return [initialFleetMode(), []];
      if (now - (since ?? now) < policy.directAfterMs) return [{ mode: 'failing', since: since ?? now }, []];
      return [{ mode: 'direct', since: null }, ['page', 'direct']];
    case 'direct':
      if (!isPrimaryUp) return [{ mode: 'direct', since: null }, []];
      if (now - (since ?? now) < policy.normalAfterMs) return [{ mode: 'direct', since: since ?? now }, []];
      return [initialFleetMode(), ['normal']];
  }
}
