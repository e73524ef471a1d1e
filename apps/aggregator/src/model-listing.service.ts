import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import type { HealthSnapshot, ListedModel } from '#libs/contracts';
import { ModelListings } from '#libs/store';
import { AGGREGATOR_CONFIG } from './aggregator.tokens.js';

/** Probers learn something new once a day; a start should not wait for it. */
const READ_EVERY_MS = 5_000;
const RETRY_MS = 500;

/** What the providers' lists of models say of the targets, as probers left it in Redis. */
@Injectable()
export class ModelListingService implements OnModuleInit, OnModuleDestroy {
  readonly #providers: readonly string[];
  readonly #isWatched: boolean;
  #known: ReadonlyMap<string, ListedModel> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    @Inject(AGGREGATOR_CONFIG) config: UnderstudyConfig,
    private readonly listings: ModelListings,
  ) {
    this.#providers = Object.keys(config.providers);
    this.#isWatched = config.probes.modelsIntervalMs > 0;
  }

  onModuleInit(): void {
    if (this.#isWatched) void this.#read();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.listings.close();
  }

  /** The same snapshot for people: no decision is taken by what is added here. */
  addTo(snapshot: HealthSnapshot): HealthSnapshot {
    const targets = snapshot.targets.map((health) => {
      if (!this.#isWatched) return { ...health, shutdownAt: null };
      const known = this.#known.get(health.target);
      // Of another model than the one that is configured now.
      if (known?.model !== health.model) return health;
      return { ...health, listed: known.listed, shutdownAt: known.shutdownAt };
    });
    return { ...snapshot, targets };
  }

  async #read(): Promise<void> {
    let pauseMs = READ_EVERY_MS;
    try {
      const listings = await this.listings.read(this.#providers);
      this.#known = new Map(listings.flatMap((listing) => Object.entries(listing?.targets ?? {})));
    } catch {
      // Redis is not there yet or away, as others tell: what was known stays.
      pauseMs = RETRY_MS;
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#read(), pauseMs);
  }
}
