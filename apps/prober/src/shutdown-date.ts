const EARLIEST = Date.UTC(2020, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);

/**
 * The day of a date as providers write it (`2027-01-14`, with or without a time), epoch milliseconds of its beginning in UTC. Null for what is none,
 * and for a day on which no model can end. A day that has passed is one: some providers go on under the old name.
 */
export function shutdownDay(text: string | undefined): number | null {
  const day = /^(\d{4}-\d{2}-\d{2})(?:$|[T ])/.exec(text ?? '')?.[1];
  if (day === undefined) return null;
  const at = Date.parse(`${day}T00:00:00Z`);
  if (!(at >= EARLIEST && at < LATEST)) return null;
  // The 30th of February is another day by the time it has been read.
  return dayOf(at) === day ? at : null;
}

/** `2027-01-14` */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
