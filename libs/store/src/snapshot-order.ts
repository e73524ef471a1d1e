import type { HealthSnapshot } from '#libs/contracts';

type Stamp = Pick<HealthSnapshot, 'epoch' | 'version'>;

/** Whether `one` was published after `other`: a later leader's word counts more, a leader counts its own. Anything is newer than nothing. */
export function isNewer(one: Stamp, other: Stamp | null): boolean {
  if (!other) return true;
  return one.epoch === other.epoch ? one.version > other.version : one.epoch > other.epoch;
}

/** Whether both are the same publication. */
export const isSame = (one: Stamp, other: Stamp | null): boolean =>
  one.epoch === other?.epoch && one.version === other.version;
