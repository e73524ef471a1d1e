import { type CompletionRequest, UnderstudyError } from '#libs/contracts';
import type { ChunkReader, CompletionQueue, ReplyChannel } from '#libs/queue/producer';
import { AwaitedOutcome } from './awaited-outcome.js';
import { checkStreamOptions } from './check-options.js';
import type { JobIntake } from './job-intake.js';
import { deadlineWithin, type JobResults, resultTimeout } from './job-results.js';
import type { OpenState } from './open-state.js';
import { noStream, readStream } from './read-stream.js';
import type { StreamEvent, StreamOptions } from './stream-events.js';

const DEFAULT_TIMEOUT_MS = 120_000;

interface StreamParts {
  intake: JobIntake;
  queue: CompletionQueue;
  results: JobResults;
  replies: ReplyChannel;
  chunks: ChunkReader;
  open: OpenState;
}

/** Reads what answers say while they are made. */
export class JobStreams {
  constructor(private readonly parts: StreamParts) {}

  /** Hands in a job and reads its stream. */
  async *ask(request: CompletionRequest, options: StreamOptions): AsyncGenerator<StreamEvent, undefined> {
    this.parts.open.assert();
    const {
      timeoutMs = DEFAULT_TIMEOUT_MS,
      keep = false,
      streaming = true,
      signal,
      job: wishes,
    } = checkStreamOptions(options);
    // Of a caller without types.
    if ((wishes.operation as string | undefined) === 'embeddings') throw noStream();
    signal?.throwIfAborted();
    const { intake, queue, replies } = this.parts;
    const deadlineMs = wishes.deadlineMs ?? deadlineWithin(timeoutMs);
    const own = { replyTo: replies.address, ...(streaming && { streaming }) };
    const job = await intake.prepare(withoutStream(request), { ...wishes, deadlineMs }, own);
    const { jobId } = job.identity;
    const isNew = await intake.add(job);
    let isOver = false;
    try {
      yield { type: 'enqueued', jobId };
      yield* this.#read(jobId, { timeoutMs, expectsChunks: streaming, signal });
      isOver = true;
    } catch (error) {
      // The job has failed, or its result was not waited for any longer; only who leaves takes it back.
      isOver = error instanceof UnderstudyError;
      throw error;
    } finally {
      if (!isOver && isNew && !keep) void queue.cancel(jobId).catch(() => undefined);
    }
  }

  /** Reads the stream of a job that is there. */
  async *follow(jobId: string, options: StreamOptions): AsyncGenerator<StreamEvent, undefined> {
    this.parts.open.assert();
    const { timeoutMs = Infinity, signal } = checkStreamOptions(options);
    signal?.throwIfAborted();
    // Throws when there is no such job.
    await this.parts.results.look(jobId).catch((error: unknown) => {
      if (!(error instanceof UnderstudyError) || error.code !== 'queue_unavailable') throw error;
    });
    yield* this.#read(jobId, { timeoutMs, expectsChunks: false, signal });
  }

  async *#read(
    jobId: string,
    options: { timeoutMs: number; expectsChunks: boolean; signal: AbortSignal | undefined },
  ): AsyncGenerator<StreamEvent, undefined> {
    const { timeoutMs, expectsChunks } = options;
    const { chunks, results, open } = this.parts;
    const left = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
    const outcome = this.#await(jobId, { timeoutMs, signal });
    try {
      let isComplete = false;
      const look = () => results.look(jobId);
      for await (const event of readStream(jobId, { chunks, outcome, look, expectsChunks, signal })) {
        isComplete = event.type === 'completed';
        yield event;
      }
      if (!isComplete) {
        open.assert(jobId);
        throw resultTimeout(jobId, timeoutMs);
      }
    } finally {
      left.abort();
    }
  }

  /** Not done where it is used: the frame of a generator would hold the promise, and with it the result. */
  #await(jobId: string, options: { timeoutMs: number; signal: AbortSignal }): AwaitedOutcome {
    return new AwaitedOutcome(this.parts.replies.waitFor(jobId, options));
  }
}

/** That the answer comes as a stream is settled; what is no object is refused like any other request. */
function withoutStream(request: unknown): unknown {
  if (typeof request !== 'object' || request === null) return request;
  const { stream: _stream, stream_options: _options, ...body } = request as Record<string, unknown>;
  return body;
}
