import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { JobPayload } from '#libs/contracts';
import { type BullContext, ChunkWriter, type JobChunks, type JobProgress } from '#libs/queue';
import type { AttemptListener } from './attempt.service.js';

/** Publishes what the answers of jobs that ask for it say while they are made. Jobs that do not ask cost nothing. */
@Injectable()
export class ChunksService implements OnApplicationShutdown {
  readonly #open = new Map<string, JobChunks>();

  constructor(private readonly writer: ChunkWriter) {}

  /** Hears a job's calls, and tells them on; itself, where nobody wants to read along. */
  along(listener: AttemptListener, job: JobPayload, context: BullContext, progress: JobProgress): AttemptListener {
    if (job.operation === 'embeddings' || !job.streaming) return listener;
    const chunks = this.writer.open(context.jobId, context.attemptsStarted);
    this.#open.set(runOf(context), chunks);
    // A run that left no attempt behind has vanished in one.
    let lastEnd: string = progress.attempts.at(-1)?.outcome ?? 'lost';
    return {
      starting: (attempt) => {
        chunks.attemptBegins(attempt.number, lastEnd);
        return listener.starting(attempt);
      },
      said: (attempt, chunk) => {
        listener.said?.(attempt, chunk);
        chunks.said(attempt, chunk);
      },
      ended: (attempt) => {
        lastEnd = attempt.outcome;
        listener.ended?.(attempt);
      },
    };
  }

  /** The job has its outcome. */
  committed(context: BullContext): void {
    this.#open.get(runOf(context))?.end();
    this.#open.delete(runOf(context));
  }

  /** This router works on the job no longer, whatever becomes of it. */
  left(context: BullContext): void {
    this.#open.get(runOf(context))?.close();
    this.#open.delete(runOf(context));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.writer.close();
  }
}

/** A job that was taken for lost may be worked on twice, even here. */
const runOf = ({ jobId, attemptsStarted }: BullContext) => `${jobId} ${attemptsStarted}`;
