/** Times are epoch milliseconds; 0 stands for "never", which is as good as a long time ago. */
export const isTime = (now: number): boolean => Number.isFinite(now) && now >= 0;

/** A random number in [0, 1), or the middle if it is not one. */
export const drawOr = (draw: number): number => (draw >= 0 && draw < 1 ? draw : 0.5);

/**
 * The record with these times moved back. A clock that is set back by an hour must not leave anything an hour in the
 * future, where it would hold targets shut or keep results out until then: all times go back with the clock, so that the
 * spans between them and now stay what they were.
 */
export function movedBack<R extends object, K extends keyof R>(record: R, times: readonly K[], byMs: number): R {
  const moved = { ...record };
  for (const time of times) moved[time] = Math.max(0, (record[time] as number) - byMs) as R[K];
  return moved;
}
