import { readFileSync } from 'node:fs';
import { readIsoTime } from './iso-time.js';
import { OutagesInputError } from './outages-input-error.js';

/** Share of calls that fail, by the impact that a provider's status page told: 0 none, 1 minor, 2 major, 3 critical, 4 total. */
export const ERROR_SHARE_BY_IMPACT = [0.02, 0.15, 0.5, 1, 1] as const;

/** One time during which a provider failed a constant share of its calls. */
export interface Incident {
  provider: string;
  /** Epoch milliseconds. */
  startMs: number;
  endMs: number;
  /** 0–4. */
  impact: number;
}

const COLUMNS = ['provider', 'start', 'end', 'impact'] as const;
const HEADER = COLUMNS.join(',');

/**
 * Reads all incidents of a file. Overlapping ones of one provider become a row of pieces that do not overlap, each with the worst
 * impact of its time.
 * @param providers names that the simulated world knows
 * @throws OutagesInputError that names line, column and fix
 */
export function readIncidents(file: string, providers: readonly string[]): Incident[] {
  const lines = readLines(file);
  const [header = '', ...rows] = lines;
  if (header.replace(/^\uFEFF/, '') !== HEADER)
    throw new OutagesInputError(`${file}, line 1: the header is "${header.slice(0, 80)}"; it must be ${HEADER}`);
  const incidents = rows.flatMap((row, i) => (row === '' ? [] : [parseRow(row, `${file}, line ${i + 2}`, providers)]));
  if (incidents.length === 0) throw new OutagesInputError(`${file} has no incidents below its header`);
  return providers.flatMap((provider) => mergeOverlaps(incidents.filter((incident) => incident.provider === provider)));
}

/**
 * Cuts incidents of one provider at each start and end, keeps the worst impact of each piece, and joins neighbours of equal impact.
 * @returns pieces in the order of time, none of which overlaps another
 */
export function mergeOverlaps(incidents: readonly Incident[]): Incident[] {
  const cuts = [...new Set(incidents.flatMap(({ startMs, endMs }) => [startMs, endMs]))].toSorted((a, b) => a - b);
  const pieces: Incident[] = [];
  for (const [i, startMs] of cuts.entries()) {
    const endMs = cuts[i + 1];
    if (endMs === undefined) break;
    const covering = incidents.filter((incident) => incident.startMs <= startMs && incident.endMs >= endMs);
    const [first] = covering;
    if (!first) continue;
    const impact = Math.max(...covering.map((incident) => incident.impact));
    const before = pieces.at(-1);
    if (before && before.endMs === startMs && before.impact === impact) before.endMs = endMs;
    else pieces.push({ provider: first.provider, startMs, endMs, impact });
  }
  return pieces;
}

function parseRow(row: string, at: string, providers: readonly string[]): Incident {
  const cells = row.split(',');
  if (cells.length !== COLUMNS.length)
    throw new OutagesInputError(`${at}: has ${cells.length} columns; it must have ${COLUMNS.length} (${HEADER})`);
  const [provider = '', start = '', end = '', impact = ''] = cells;
  if (!providers.includes(provider))
    throw new OutagesInputError(
      `${at}, column provider: "${provider.slice(0, 40)}" is unknown; it must be one of ${providers.join(', ')}`,
    );
  const startMs = parseTime(start, `${at}, column start`);
  const endMs = parseTime(end, `${at}, column end`);
  if (endMs <= startMs)
    throw new OutagesInputError(`${at}, column end: ${end} must be later than the start (${start})`);
  if (!/^[0-4]$/.test(impact))
    throw new OutagesInputError(
      `${at}, column impact: "${impact.slice(0, 40)}" must be 0 (none), 1 (minor), 2 (major), 3 (critical) or 4 (total)`,
    );
  return { provider, startMs, endMs, impact: Number(impact) };
}

function parseTime(text: string, at: string): number {
  const ms = readIsoTime(text);
  if (ms === undefined)
    throw new OutagesInputError(`${at}: "${text.slice(0, 40)}" must be a time such as 2023-11-08T13:54:00Z`);
  return ms;
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new OutagesInputError(`--incidents ${file} cannot be read (${code}); name a CSV file that exists`);
  }
}
