import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { ModelCatalog } from '#libs/queue';
import { type Condition, Readiness } from '#libs/service';
import { ROUTER_CONFIG } from './router.tokens.js';

/** How often the catalog is written again, in milliseconds: Redis may have lost it, or be away. */
const REPEAT_MS = 1_000;

/** Tells clients which models can be asked for, so that they refuse an unknown one before anything is enqueued, and how long results are kept. */
@Injectable()
export class CatalogAnnouncerService implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger(CatalogAnnouncerService.name);
  readonly #announced: Condition;
  #timer: NodeJS.Timeout | undefined;
  #quiet = false;

  constructor(
    private readonly catalog: ModelCatalog,
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
    readiness: Readiness,
  ) {
    this.#announced = readiness.require('redis');
  }

  onModuleInit(): void {
    void this.#announce();
  }

  async onApplicationShutdown(): Promise<void> {
    clearTimeout(this.#timer);
    await this.catalog.close();
  }

  async #announce(): Promise<void> {
    try {
      const { resultTtlMs } = this.config.jobs;
      await this.catalog.publish([...this.config.routes.keys()], { resultTtlMs });
      this.#announced.met();
      if (this.#quiet) this.#log.log({ event: 'redis.back' });
      this.#quiet = false;
    } catch (error) {
      this.#announced.lost();
      // Once per outage: the attempts themselves go on.
      if (!this.#quiet) this.#log.warn({ event: 'redis.away', reason: (error as Error).message });
      this.#quiet = true;
    }
    this.#timer = setTimeout(() => void this.#announce(), REPEAT_MS);
  }
}
