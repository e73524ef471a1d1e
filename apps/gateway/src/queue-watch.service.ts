import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CompletionClient } from '#libs/client';
import { Readiness, type Condition } from '#libs/service';

/** How often the queue is looked for: a balancer learns of an outage, and of its end, this late at most. */
const CHECK_EVERY_MS = 1_000;

/** Keeps `/ready` honest: a gateway that cannot reach the queue would refuse every request. */
@Injectable()
export class QueueWatchService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #queue: Condition;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    private readonly client: CompletionClient,
    readiness: Readiness,
  ) {
    this.#queue = readiness.require('redis');
  }

  onApplicationBootstrap(): void {
    void this.#check();
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #check(): Promise<void> {
    try {
      await this.client.models();
      this.#queue.met();
    } catch {
      // Requests tell their callers why; here it matters only that it is so.
      this.#queue.lost();
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#check(), CHECK_EVERY_MS);
  }
}
