import { setTimeout as delay } from 'node:timers/promises';
import { type CompletionResult, type JobOutcome, UnderstudyError } from '#libs/contracts';
import { CHUNKS_START, type ChunkReader, type PlacedEntry } from '#libs/queue/producer';
import type { StreamEvent } from './stream-events.js';

/** A job of which nothing was heard for this long is looked at: it may have been given up. In milliseconds. */
const CHECK_MS = 5_000;

/** How long the last chunks are waited for once the result is there: they are written a little later. In milliseconds. */
const LAST_CHUNKS_MS = 1_000;

/** Pause between two tries to reach Redis, in milliseconds. */
const AWAY_PAUSE_MS = 250;

interface ReadStreamOptions {
  chunks: ChunkReader;
  /** Null when there is none in time. */
  outcome: Promise<JobOutcome | null>;
  /** Looks for the result; null while the job is under way. Throws when there will never be one. */
  look: () => Promise<CompletionResult | null>;
  /** Whether the job is known to publish chunks. */
  expectsChunks: boolean;
  /** Its reason is thrown. */
  signal: AbortSignal;
}

/** The events of one job until its outcome; nothing at all when that does not come in time. Reads on only when it is asked to. */
export async function* readStream(jobId: string, options: ReadStreamOptions): AsyncGenerator<StreamEvent> {
  const { chunks, look, expectsChunks, signal } = options;
  const position = new Position();
  const known = new AbortController();
  let outcome: JobOutcome | null | undefined;
  options.outcome.then(
    (settled) => {
      outcome = settled;
      known.abort();
    },
    // The signal was aborted: `signal` tells so too.
    () => undefined,
  );
  const knownOrLeft = AbortSignal.any([signal, known.signal]);
  const ear = chunks.follow(jobId);
  let lastChunksUntil: number | undefined;
  try {
    for (;;) {
      signal.throwIfAborted();
      if (outcome === null) return;
      if (outcome?.status === 'failed') throw UnderstudyError.fromJSON(outcome.error);
      const entries = await readOrWait(chunks, jobId, position.id, signal);
      for (const placed of entries) yield* position.pass(placed);
      if (entries.length > 0 && !position.isEnded) continue;

      if (outcome === undefined && position.isEnded) {
        // Faster than waiting until somebody says so.
        const result = await lookAgain(look);
        if (result) outcome = { status: 'completed', result };
      }
      if (outcome?.status !== 'completed') {
        const since = Date.now();
        await ear.wait(CHECK_MS, knownOrLeft);
        if (outcome === undefined && Date.now() - since >= CHECK_MS) await lookAgain(look);
        continue;
      }
      lastChunksUntil ??= Date.now() + LAST_CHUNKS_MS;
      const hasChunks = expectsChunks || position.id !== CHUNKS_START;
      if (hasChunks && !position.isEnded && Date.now() < lastChunksUntil) {
        await ear.wait(lastChunksUntil - Date.now(), signal);
        continue;
      }
      yield { type: 'completed', result: outcome.result };
      return;
    }
  } finally {
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

async function lookAgain(look: () => Promise<CompletionResult | null>): Promise<CompletionResult | null> {
  try {
    return await look();
  } catch (error) {
    if (isAway(error)) return null;
    throw error;
  }
}

const isAway = (error: unknown) => error instanceof UnderstudyError && error.code === 'queue_unavailable';
