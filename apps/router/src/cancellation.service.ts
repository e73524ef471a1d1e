import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CancelFeed } from '#libs/queue';

/** Reason of a job's signal when the job was cancelled. */
export const CANCELLED = 'cancelled';

/** Cuts the work on jobs that are cancelled while this router has them. */
@Injectable()
export class CancellationService implements OnModuleInit, OnApplicationShutdown {
  readonly #inHand = new Map<string, AbortController>();

  constructor(private readonly feed: CancelFeed) {}

  onModuleInit(): void {
    this.feed.start((jobId) => this.#inHand.get(jobId)?.abort(CANCELLED));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.feed.close();
  }

  /**
   * Works on a job with a signal that also fires, with the reason `CANCELLED`, when the job is cancelled.
   * @param stop fires when the work is to be stopped for another reason
   * @param work hears too whether the job was cancelled just before
   */
  async during<T>(
    jobId: string,
    stop: AbortSignal,
    work: (signal: AbortSignal, cancelledBefore: boolean) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const follow = () => controller.abort(stop.reason);
    if (stop.aborted) follow();
    stop.addEventListener('abort', follow, { once: true });
    this.#inHand.set(jobId, controller);
    try {
      return await work(controller.signal, this.feed.has(jobId));
    } finally {
      stop.removeEventListener('abort', follow);
      // A later run of the same job may be in hand by now: this one was overtaken.
      if (this.#inHand.get(jobId) === controller) this.#inHand.delete(jobId);
    }
  }
}
