import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { LOGGER } from '#libs/service';
import { Lease, ModeStore, ObservationReader, SnapshotStore, STREAM_START } from '#libs/store';
import type { Logger } from '#libs/telemetry';
import { AGGREGATOR_CONFIG } from './aggregator.tokens.js';
import { HealthEffectsService } from './health-effects.service.js';
import { LeaderTerm, type StepCounts } from './leader-term.js';
import { ModelListingService } from './model-listing.service.js';
import { OperatorWord } from './operator-word.js';
import { QuietPeriod } from './quiet-period.js';
import { parseSavedState, type SavedState } from './saved-state.js';

const RETRY_AFTER_MS = 200;
const LOG_PERIOD_MS = 60_000;

/** Leads while the lease is ours, stands by while it is not. */
@Injectable()
export class ObservationService implements OnApplicationBootstrap, OnModuleDestroy {
  /** What this process did with observations since it started. */
  readonly counts = { folded: 0, repeated: 0, rejected: 0 };
  readonly #stop = new AbortController();
  readonly #quiet = new QuietPeriod(LOG_PERIOD_MS);
  /** Kept after a term, in case Redis comes back empty. */
  #lastTerm: LeaderTerm | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly lease: Lease,
    private readonly reader: ObservationReader,
    private readonly store: SnapshotStore,
    private readonly modes: ModeStore,
    private readonly word: OperatorWord,
    private readonly listings: ModelListingService,
    private readonly effects: HealthEffectsService,
    @Inject(AGGREGATOR_CONFIG) private readonly config: UnderstudyConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.lease.start();
    this.#running = this.#run();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stop.abort();
    this.reader.close();
    await this.lease.close();
    await this.#running;
    await Promise.all([this.store.close(), this.modes.close()]);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted)
      try {
        const { epoch } = this.lease;
        if (epoch === null) await once(this.lease, 'turn', { signal });
        else await this.#lead(epoch);
      } catch (error) {
        if (signal.aborted) return;
        this.#logFailure(error);
        await pause(RETRY_AFTER_MS);
      }
  }

  async #lead(epoch: number): Promise<void> {
    const word = this.config.modes ? this.word : null;
    const saved = await this.#savedState();
    const term = new LeaderTerm(epoch, this.config, saved, this.reader, this.store, word, this.listings);
    this.#lastTerm = term;
    this.logger.info({ event: 'aggregator.leading', epoch }, `leading, epoch ${epoch}`);
    while (this.lease.epoch === epoch && !this.#stop.signal.aborted) {
      this.#count(await term.read(Date.now()));
      if (!term.isDue(Date.now())) continue;
      try {
        const effects = await term.publish(Date.now());
        if (effects === null) break;
        this.effects.carryOut(effects);
      } catch (error) {
        // What was folded is still in memory; it is published with the next attempt.
        if (this.#stop.signal.aborted) return;
        this.#logFailure(error);
        await pause(RETRY_AFTER_MS);
      }
    }
    if (this.#stop.signal.aborted) return;
    this.logger.warn({ event: 'aggregator.standing_by', epoch }, `no longer leading under epoch ${epoch}`);
    await this.lease.renew();
  }

  /** What is stored counts, since another may have led. With nothing there, Redis was emptied and memory knows more. */
  async #savedState(): Promise<SavedState | null> {
    const text = await this.store.readState();
    if (text === null) {
      const remembered = this.#lastTerm?.save();
      return remembered ? { ...remembered, cursor: STREAM_START } : null;
    }
    const saved = parseSavedState(text);
    if (!saved)
      this.logger.error(
        { event: 'aggregator.state_unreadable' },
        'the stored health state is not of a form that this version knows; health begins anew from the observations in Redis',
      );
    return saved;
  }

  #count({ folded, repeated, problems }: StepCounts): void {
    this.counts.folded += folded;
    this.counts.repeated += repeated;
    this.counts.rejected += problems.length;
    const [problem] = problems;
    if (problem === undefined || this.#quiet.pass('rejected', performance.now()) === null) return;
    const { rejected } = this.counts;
    this.logger.warn(
      { event: 'llm.observation.rejected', problem, rejected },
      `an observation was dropped: ${problem}`,
    );
  }

  #logFailure(error: unknown): void {
    const heldBack = this.#quiet.pass('failure', performance.now());
    if (heldBack === null) return;
    this.logger.warn(
      { event: 'aggregator.retrying', err: error, heldBack },
      'health cannot be read or written; trying again',
    );
  }
}
