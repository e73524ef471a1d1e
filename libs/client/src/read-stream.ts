import { setTimeout as delay } from 'node:timers/promises';
import { isEmbeddings, type JobResult, UnderstudyError } from '#libs/contracts';
import { CHUNKS_START, type ChunkReader, type PlacedEntry } from '#libs/queue/producer';
import type { AwaitedOutcome } from './awaited-outcome.js';
import type { StreamEvent } from './stream-events.js';

/** A job of which nothing was heard for this long is looked at: it may have been given up. In milliseconds. */
const CHECK_MS = 5_000;

/** How long the last chunks are waited for once the result is there: they are written a little later. In milliseconds. */
const LAST_CHUNKS_MS = 1_000;

/** How long Redis may be away when a result that was let go is to be read again. In milliseconds. */
const RESULT_PATIENCE_MS = 30_000;

/** Pause between two tries to reach Redis, in milliseconds. */
const AWAY_PAUSE_MS = 250;

interface ReadStreamOptions {
  chunks: ChunkReader;
  outcome: AwaitedOutcome;
  /** Looks for the result; null while the job is under way. Throws when there will never be one. */
  look: () => Promise<JobResult | null>;
  /** Whether the job is known to publish chunks. */
  expectsChunks: boolean;
  /** Its reason is thrown. */
  signal: AbortSignal;
}

/**
 * The events of one job until its outcome; nothing at all when that does not come in time. Reads on only when it is asked to, and holds
 * no more than one step of the answer meanwhile.
 */
export async function* readStream(jobId: string, options: ReadStreamOptions): AsyncGenerator<StreamEvent> {
  const { chunks, outcome, look, expectsChunks, signal } = options;
  const position = new Position();
  const knownOrLeft = AbortSignal.any([signal, outcome.known]);
  const ear = chunks.follow(jobId);
  let lastChunksUntil: number | undefined;
  try {
    for (;;) {
      signal.throwIfAborted();
      if (outcome.isOverdue) return;
      outcome.throwIfFailed();
      const entries = await readOrWait(chunks, jobId, position.id, signal);
      const isNews = entries.length > 0;
      for (let placed = entries.shift(); placed; placed = entries.shift()) yield* position.pass(placed);
      if (isNews && !position.isEnded) continue;

      if (!outcome.known.aborted && position.isEnded) {
        // Faster than waiting until somebody says so.
        const result = await lookAgain(look);
        if (result) outcome.found(result);
      }
      if (!outcome.isCompleted) {
        const since = Date.now();
        await ear.wait(CHECK_MS, knownOrLeft);
        if (!outcome.known.aborted && Date.now() - since >= CHECK_MS) await lookAgain(look);
        continue;
      }
      lastChunksUntil ??= Date.now() + LAST_CHUNKS_MS;
      const hasChunks = expectsChunks || position.id !== CHUNKS_START;
      if (hasChunks && !position.isEnded && Date.now() < lastChunksUntil) {
        await ear.wait(lastChunksUntil - Date.now(), signal);
        continue;
      }
      const isPatient = Date.now() < lastChunksUntil + RESULT_PATIENCE_MS;
      const result = outcome.take() ?? (await (isPatient ? lookAgain(look) : look()));
      if (result) {
        if (isEmbeddings(result)) throw noStream(jobId);
        yield { type: 'completed', result };
        return;
      }
      await ear.wait(AWAY_PAUSE_MS, signal);
    }
  } finally {
    outcome.forget();
    ear.leave();
  }
}

/** How far one reader has come in a stream. */
class Position {
  id = CHUNKS_START;
  isEnded = false;
  /** Of the attempt whose words count at present. */
  #epoch: number | undefined;

  *pass({ id, epoch, entry }: PlacedEntry): Generator<StreamEvent> {
    this.id = id;
    switch (entry?.kind) {
      case 'restarted':
        this.#epoch = undefined;
        yield { type: 'restarted', attempt: entry.attempt, reason: entry.reason };
        break;
      case 'chunks':
        // The entry that says so was lost, with the stream that it was in.
        if (this.#epoch !== undefined && this.#epoch !== epoch)
          yield { type: 'restarted', attempt: entry.attempt, reason: 'lost' };
        this.#epoch = epoch;
        for (const chunk of entry.chunks) yield { type: 'chunk', attempt: entry.attempt, target: entry.target, chunk };
        break;
      case 'end':
        this.isEnded = true;
        break;
      case undefined:
    }
  }
}

/** Whoever wants to read along knows what was asked; whoever reads by an id may not. */
export const noStream = (jobId?: string) =>
  new UnderstudyError(
    'invalid_request',
    `operation: embeddings are not streamed; ${jobId ? `fetch the result of job ${jobId}` : 'use embed()'} instead`,
    { field: 'operation', jobId },
  );

/** Redis that is away costs a reader time, nothing else. */
async function readOrWait(chunks: ChunkReader, jobId: string, id: string, signal: AbortSignal): Promise<PlacedEntry[]> {
  try {
    return await chunks.read(jobId, id);
  } catch (error) {
    if (!isAway(error)) throw error;
    await delay(AWAY_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    return [];
  }
}

async function lookAgain(look: () => Promise<JobResult | null>): Promise<JobResult | null> {
  try {
    return await look();
  } catch (error) {
    if (isAway(error)) return null;
    throw error;
  }
}

const isAway = (error: unknown) => error instanceof UnderstudyError && error.code === 'queue_unavailable';
