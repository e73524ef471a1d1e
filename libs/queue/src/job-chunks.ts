import type { ChatChunk } from '#libs/contracts';
import type { ByteBudget } from './byte-budget.js';
import { epochOf } from './chunk-entry.js';

/** How long what is said is gathered into one entry, in milliseconds. */
const BATCH_MS = 25;

/** What is gathered for longer, or all at once, goes into several entries of about this size, in bytes of JSON: readers hold some entries each. */
const ENTRY_BYTES = 8 * 1024;

/** Pause before what could not be written is tried again, in milliseconds. */
const RETRY_MS = 250;

/** Once the job has left this router, how often what is left is tried: about five seconds. */
const LAST_TRIES = 20;

/** Of one attempt no more is published, in bytes of JSON and in entries; the result has all of it. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_ENTRIES = 20_000;

/** Why what an attempt says is not published any further. */
export const ABANDON_REASONS = ['size', 'memory', 'redis', 'superseded'] as const;

export type AbandonReason = (typeof ABANDON_REASONS)[number];

/** One thing to write into the stream of a job. */
export type ChunkWrite =
  | { kind: 'restarted'; epoch: number; attempt: number; reason: string }
  | { kind: 'chunks'; epoch: number; number: number; attempt: number; target: string; parts: string[]; bytes: number }
  | { kind: 'end'; epoch: number };

interface JobChunksOptions {
  /** How often work on the job has begun, this run included. */
  run: number;
  budget: ByteBudget;
  /** False: somebody else has gone on with the job. Rejects when Redis cannot be reached. */
  write: (write: ChunkWrite) => Promise<boolean>;
  onAbandoned: (reason: AbandonReason) => void;
  onDone: () => void;
}

/**
 * Publishes what the answer of one job says. Nothing here is awaited by the job, throws, or keeps more than its budget: what goes
 * wrong costs the stream, and never the answer. An attempt is published without holes, or from some point on not at all.
 */
export class JobChunks {
  #writes: ChunkWrite[] = [];
  #epoch = 0;
  #bytes = 0;
  #entries = 0;
  #isAbandoned = false;
  #isSending = false;
  /** The first of `#writes` was sent, and perhaps has arrived. */
  #isFirstSent = false;
  #isClosed = false;
  #triesLeft = Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: JobChunksOptions) {}

  /** What earlier attempts said is taken back. @param reason why the last of them ended */
  attemptBegins(attempt: number, reason: string): void {
    if (this.#isClosed) return;
    this.#dropChunks();
    this.#epoch = epochOf(this.options.run, attempt);
    [this.#bytes, this.#entries, this.#isAbandoned] = [0, 0, false];
    this.#writes.push({ kind: 'restarted', epoch: this.#epoch, attempt, reason });
    void this.#send();
  }

  said({ number: attempt, target }: { number: number; target: string }, chunk: ChatChunk): void {
    const epoch = epochOf(this.options.run, attempt);
    if (this.#isClosed || this.#isAbandoned || epoch !== this.#epoch) return;
    const part = JSON.stringify(chunk);
    this.#bytes += part.length;
    if (this.#bytes > MAX_BYTES || this.#entries >= MAX_ENTRIES) return this.#abandon('size');
    if (!this.options.budget.take(part.length)) return this.#abandon('memory');
    const last = this.#writes.at(-1);
    const isOpen =
      last?.kind === 'chunks' && last.bytes < ENTRY_BYTES && !(this.#isFirstSent && this.#writes.length === 1);
    if (isOpen) {
      last.parts.push(part);
      last.bytes += part.length;
    } else {
      const entry = { epoch, number: ++this.#entries, attempt, target, parts: [part], bytes: part.length };
      this.#writes.push({ kind: 'chunks', ...entry });
    }
    this.#sendIn(BATCH_MS);
  }

  /** The outcome of the job is committed. */
  end(): void {
    if (this.#isClosed) return;
    this.#writes.push({ kind: 'end', epoch: this.#epoch });
    this.close();
  }

  /** This router has no more to say about the job. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#triesLeft = LAST_TRIES;
    clearTimeout(this.#timer);
    void this.#send();
  }

  #sendIn(ms: number): void {
    if (this.#isSending) return;
    this.#timer ??= setTimeout(() => void this.#send(), ms);
  }

  /** One write at a time, in their order. What is said meanwhile gathers. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let pauseMs = 0;
    for (let write = this.#writes[0]; write && pauseMs === 0; write = this.#writes[0]) {
      this.#isFirstSent = true;
      pauseMs = await this.#try(write);
    }
    this.#isSending = false;
    if (pauseMs > 0) this.#sendIn(pauseMs);
    else if (this.#isClosed) this.options.onDone();
  }

  /** @returns how long to wait before going on, in milliseconds */
  async #try(write: ChunkWrite): Promise<number> {
    const isTaken = await this.options.write(write).catch(() => undefined);
    if (isTaken === undefined && --this.#triesLeft > 0) return RETRY_MS;
    if (isTaken === undefined) this.#abandon('redis');
    if (isTaken === false) this.#abandon('superseded');
    // A restart, or giving up, may have dropped it meanwhile.
    if (this.#writes[0] === write) this.#drop(this.#writes.splice(0, 1));
    this.#isFirstSent = false;
    const next = this.#writes[0];
    return next?.kind === 'chunks' && this.#writes.length === 1 && !this.#isClosed ? BATCH_MS : 0;
  }

  #abandon(reason: AbandonReason): void {
    if (!this.#isAbandoned) this.options.onAbandoned(reason);
    this.#isAbandoned = true;
    this.#dropChunks();
  }

  #dropChunks(): void {
    this.#drop(this.#writes);
    this.#writes = this.#writes.filter(({ kind }) => kind !== 'chunks');
  }

  #drop(writes: readonly ChunkWrite[]): void {
    for (const write of writes) if (write.kind === 'chunks') this.options.budget.giveBack(write.bytes);
  }
}
