import type { TargetState } from '#libs/health-core';

/**
 * A target's state as it was stored, by this version or by another. Every field that is missing or of another kind is taken from
 * `blank`, so that an upgrade forgets only what it cannot read.
 */
export function restoreState(stored: unknown, blank: TargetState): TargetState {
  return restored(stored, blank) as TargetState;
}

function restored(stored: unknown, blank: unknown): unknown {
  if (isRecord(blank)) {
    if (!isRecord(stored)) return blank;
    return Object.fromEntries(Object.entries(blank).map(([field, value]) => [field, restored(stored[field], value)]));
  }
  return isOfTheSameKind(stored, blank) ? stored : blank;
}

function isOfTheSameKind(stored: unknown, blank: unknown): boolean {
  // A field that is null at first holds a text or a number later.
  if (blank === null) return stored === null || ['string', 'number'].includes(typeof stored);
  return typeof stored === typeof blank;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
