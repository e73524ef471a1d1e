import type { TargetHealth } from '#libs/contracts';

/** A provider of which no target is available. */
export interface DownProvider {
  provider: string;
  /** Since when, epoch milliseconds. */
  since: number;
  /** Ids of its targets. */
  members: string[];
}

/** Who is down, and since when. What an operator has taken out is neither up nor down. */
export function downProviders(
  targets: readonly TargetHealth[],
  since: Readonly<Record<string, number>>,
  now: number,
): DownProvider[] {
  const byProvider = new Map<string, TargetHealth[]>();
  for (const one of targets)
    if (one.reason !== 'held_out') byProvider.set(one.provider, [...(byProvider.get(one.provider) ?? []), one]);
  return [...byProvider]
    .filter(([, members]) => members.every(({ available }) => !available))
    .map(([provider, members]) => ({
      provider,
      // A clock that went back starts the count anew.
      since: Math.min(since[provider] ?? now, now),
      members: members.map(({ target }) => target),
    }));
}
