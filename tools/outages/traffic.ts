import { readArrivals, type Arrival } from '../replay/arrivals.js';
import { ReplayInputError } from '../replay/options.js';
import { drawAt } from './draws.js';
import { OutagesInputError } from './outages-input-error.js';

/** One job to be answered. */
export interface JobArrival {
  /** From 0, in the order of arrival. */
  number: number;
  /** Epoch milliseconds of the simulated world. */
  atMs: number;
  contextTokens: number;
  generatedTokens: number;
}

const HOUR_MS = 3_600_000;

/** Reads a recording of arrivals. @throws OutagesInputError that names line, column and fix */
export async function readRecording(file: string): Promise<Arrival[]> {
  const rows: Arrival[] = [];
  try {
    for await (const row of readArrivals(file)) rows.push(row);
  } catch (error) {
    if (error instanceof ReplayInputError) throw new OutagesInputError(error.message);
    throw error;
  }
  if (rows.length < 2) throw new OutagesInputError(`${file} has ${rows.length} rows; at least 2 are needed`);
  return rows;
}

/**
 * Repeats a recording from `fromMs` to `toMs`. A lower load than the recorded one leaves rows out at random, which keeps the bursts in
 * their places; a higher one shortens all gaps alike.
 */
export function* jobArrivals(
  rows: readonly Arrival[],
  { fromMs, toMs, jobsPerHour, seed }: { fromMs: number; toMs: number; jobsPerHour: number; seed: number },
): Generator<JobArrival, void> {
  const lastMs = rows.at(-1)?.offsetMs ?? 0;
  // The gap between the last row of one round and the first of the next is an average one.
  const periodMs = Math.max(1, lastMs + lastMs / Math.max(1, rows.length - 1));
  const recordedPerHour = (rows.length / periodMs) * HOUR_MS;
  const keep = Math.min(1, jobsPerHour / recordedPerHour);
  const speed = Math.max(1, jobsPerHour / recordedPerHour);

  let row = -1;
  for (let number = 0; ; number++) {
    // How many rows to skip until the next one that is kept: a geometric draw instead of one draw per row.
    row += keep === 1 ? 1 : 1 + Math.floor(Math.log(drawAt(seed, number, 0, 0x70b)) / Math.log(1 - keep));
    const { offsetMs, contextTokens, generatedTokens } = rows[row % rows.length] as Arrival;
    const atMs = fromMs + (Math.floor(row / rows.length) * periodMs + offsetMs) / speed;
    if (atMs >= toMs) return;
    yield { number, atMs, contextTokens, generatedTokens };
  }
}
