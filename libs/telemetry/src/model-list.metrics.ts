import { Counter, Gauge, type Registry } from 'prom-client';

/** How a list of models was: good, without any model, or none at all. */
const RESULTS = ['good', 'empty', 'failed'] as const;

/** The lists of models that this process has asked providers for. */
export class ModelListMetrics {
  private readonly lists: Counter<'provider' | 'result'>;

  /** @param providers each gets series that start at 0 */
  constructor(registry: Registry, providers: readonly string[]) {
    this.lists = new Counter({
      name: 'ai_model_lists_total',
      help: 'Times that a provider was asked for its list of models, by provider and result (good, empty, failed)',
      labelNames: ['provider', 'result'],
      registers: [registry],
    });
    for (const provider of providers) for (const result of RESULTS) this.lists.inc({ provider, result }, 0);
  }

  /** A provider was asked. */
  asked(provider: string, result: (typeof RESULTS)[number]): void {
    this.lists.inc({ provider, result });
  }
}

/** What is known of one target; what is absent is not known. */
export interface TargetListing {
  target: string;
  listed?: boolean | undefined;
  /** Epoch milliseconds; null: no date. */
  shutdownAt?: number | null | undefined;
}

/** What those lists say of targets. Only aggregators export it. */
export class TargetListingMetrics {
  private readonly listed: Gauge<'target'>;
  private readonly shutdown: Gauge<'target'>;

  constructor(registry: Registry) {
    const registers = [registry];
    // No values before something is known: an unknown model is not a missing one.
    this.listed = new Gauge({
      name: 'ai_model_listed',
      help: "1 while the model of the target is in its provider's list of models, 0 while it is not",
      labelNames: ['target'],
      registers,
    });
    this.shutdown = new Gauge({
      name: 'ai_model_shutdown_timestamp_seconds',
      help: 'When the provider says that the model of the target will be shut down, in seconds since 1970',
      labelNames: ['target'],
      registers,
    });
  }

  /** Replaces what is exported. */
  publish(targets: readonly TargetListing[]): void {
    for (const gauge of [this.listed, this.shutdown]) gauge.reset();
    for (const { target, listed, shutdownAt } of targets) {
      if (listed !== undefined) this.listed.set({ target }, listed ? 1 : 0);
      if (typeof shutdownAt === 'number') this.shutdown.set({ target }, shutdownAt / 1000);
    }
  }
}
