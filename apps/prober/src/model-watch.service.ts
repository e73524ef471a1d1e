import { createHash } from 'node:crypto';
import type { UnderstudyConfig } from '#libs/config';
import type { ModelListing } from '#libs/contracts';
import type { FleetClock } from '#libs/redis';
import type { ModelListings } from '#libs/store';
import type { Logger } from '#libs/telemetry';
import type { AskedProvider } from './asked-provider.js';
import type { ModelListService } from './model-list.service.js';
import { phaseOf, probeDueAt, slotAt } from './probe-slot.js';

/** All in milliseconds. */
const TIMES = {
  /** Within this time of its start a prober looks at each provider, at different moments. */
  firstLookWithinMs: 60_000,
  /** A question has ended long before this: whoever has the turn for longer has died. */
  turnMs: 60_000,
  /** How soon it is tried again while Redis is away. */
  retryMs: 5_000,
};

/** That a provider was asked, and what it said, is remembered for so many intervals. */
const TURN_INTERVALS = 2;
const LISTING_INTERVALS = 3;

/**
 * Asks each provider for its models once per interval, however many probers there are: all look at the same moment by Redis' clock, and the
 * first one has the turn. The pings' queue would not do: it forgets a job that has ended after minutes, and this is about days.
 */
export class ModelWatchService {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #intervalMs: number;
  #stopped = false;

  constructor(
    private readonly config: UnderstudyConfig,
    private readonly clock: FleetClock,
    private readonly listings: Pick<ModelListings, 'take' | 'keep'>,
    private readonly lists: Pick<ModelListService, 'ask'>,
    private readonly logger: Logger,
    private readonly times = TIMES,
  ) {
    this.#intervalMs = config.probes.modelsIntervalMs;
  }

  /** Begins; the clock must be set. A provider that was not asked in its present slot is asked soon. */
  start(): void {
    if (this.#intervalMs === 0) return;
    const withinMs = Math.min(this.times.firstLookWithinMs, this.#intervalMs / 10);
    for (const [name, provider] of Object.entries(this.config.providers)) {
      const targets = this.config.targets.filter((target) => target.provider === name);
      if (targets.length > 0) this.#lookAfter(phaseOf(name, withinMs), { name, provider, targets });
    }
  }

  /** Asks nobody any more. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #lookAfter(waitMs: number, asked: AskedProvider): void {
    if (this.#stopped) return;
    this.#timers.set(
      asked.name,
      setTimeout(() => void this.#look(asked), waitMs),
    );
  }

  async #look(asked: AskedProvider): Promise<void> {
    const { name } = asked;
    const slot = slotAt(name, this.clock.now(), this.#intervalMs);
    const turn = `${slot}-${fingerprintOf(asked)}`;
    try {
      const whose = await this.listings.take(name, turn, this.times.turnMs);
      // Whoever has it may never end it.
      if (whose === 'taken') return this.#lookAfter(this.times.turnMs, asked);
      if (whose === 'ours') await this.lists.ask(asked, (listing) => this.#keep(name, turn, listing));
      const rhythm = { intervalMs: this.#intervalMs, jitter: this.config.probes.jitter };
      this.#lookAfter(probeDueAt(name, slot + 1, rhythm) - this.clock.now(), asked);
    } catch (error) {
      this.logger.debug({ event: 'llm.model.watch_stalled', provider: name, err: error }, 'trying again');
      this.#lookAfter(this.times.retryMs, asked);
    }
  }

  #keep(provider: string, turn: string, listing: ModelListing): Promise<void> {
    const turnMs = TURN_INTERVALS * this.#intervalMs;
    return this.listings.keep(provider, turn, listing, { turnMs, listingMs: LISTING_INTERVALS * this.#intervalMs });
  }
}

/** Another address or another model is another question, to be asked in the same slot. */
function fingerprintOf({ provider, targets }: AskedProvider): string {
  const question = [provider.baseUrl, targets.map(({ id, model }) => [id, model])];
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 12);
}
