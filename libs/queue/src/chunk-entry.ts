import { type ChatChunk, isShallow } from '#libs/contracts';

/** One entry in the stream of a job's answer. */
export type ChunkEntry =
  /** What one attempt said within some milliseconds. */
  | { kind: 'chunks'; attempt: number; target: string; chunks: ChatChunk[] }
  /** An attempt began; what earlier ones said has been thrown away. */
  | { kind: 'restarted'; attempt: number; reason: string }
  /** The job has its outcome. */
  | { kind: 'end' };

/** An entry with its place in the stream. */
export interface PlacedEntry {
  /** To read on from. */
  id: string;
  /** Grows with every attempt of every run of the job. */
  epoch: number;
  /** Null for what cannot be read. */
  entry: ChunkEntry | null;
}

/** Numbers of attempts are smaller than this. */
const ATTEMPTS_PER_RUN = 1_000_000;

/** @param run how often work on the job has begun, 1 for the first time */
export const epochOf = (run: number, attempt: number): number => run * ATTEMPTS_PER_RUN + attempt;

/** Reads an entry as Redis keeps it: names and values in turn. */
export function placeEntry(id: string, fields: readonly string[]): PlacedEntry {
  const epoch = Number(id.split('-')[0]);
  try {
    return { id, epoch, entry: parseEntry(fields) };
  } catch {
    // Somebody else wrote it. The answer itself comes from the result.
    return { id, epoch, entry: null };
  }
}

function parseEntry(fields: readonly string[]): ChunkEntry | null {
  const field = (name: string) => fields[fields.findIndex((known, i) => i % 2 === 0 && known === name) + 1] ?? '';
  const attempt = Number(field('attempt'));
  switch (field('kind')) {
    case 'chunks': {
      const chunks: unknown = JSON.parse(field('chunks'));
      return Array.isArray(chunks) && isShallow(chunks)
        ? { kind: 'chunks', attempt, target: field('target'), chunks: chunks.filter(isChunk) }
        : null;
    }
    case 'restarted':
      return { kind: 'restarted', attempt, reason: field('reason') };
    case 'end':
      return { kind: 'end' };
    default:
      return null;
  }
}

const isChunk = (value: unknown): value is ChatChunk => Array.isArray((value as { choices?: unknown } | null)?.choices);
