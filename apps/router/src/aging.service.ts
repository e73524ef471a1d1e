import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { JobAging } from '#libs/queue';
import { ParkingMetrics } from '#libs/telemetry';
import { ROUTER_CONFIG } from './router.tokens.js';

/** How often jobs are moved forward while some wait. */
const PACE_MS = 1_000;

/** How often an idle router looks; less than what is long to wait matters to nobody. */
const IDLE_MS = 5_000;

/** Timers of two routers are never quite in step: whoever comes a little early must not make the other miss its turn. */
const SLACK_MS = 100;

/** Takes its turn among the routers to let jobs that have waited for too long go ahead of more urgent ones. */
@Injectable()
export class AgingService implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #log = new Logger(AgingService.name);
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly aging: JobAging,
    private readonly metrics: ParkingMetrics,
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
  ) {}

  onApplicationBootstrap(): void {
    void this.#look();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.aging.close();
  }

  async #look(): Promise<void> {
    const { agingMs } = this.config.jobs;
    let pauseMs = PACE_MS;
    try {
      const { moved, waiting } = await this.aging.look(agingMs, PACE_MS - SLACK_MS);
      if (waiting === 0) pauseMs = Math.min(IDLE_MS, Math.max(agingMs, PACE_MS));
      if (moved > 0) {
        this.metrics.aged(moved);
        this.#log.log({ event: 'llm.jobs.aged', jobs: moved, waiting });
      }
    } catch (error) {
      if (!this.#stopped) this.#log.warn({ event: 'llm.aging.failed', err: error });
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#look(), pauseMs);
  }
}
