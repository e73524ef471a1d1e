import { Counter, type Registry } from 'prom-client';

/** The label values that can occur; each gets a series that starts at 0. */
export interface LimitLabels {
  /** Models of targets that have limits, by the providers' names. */
  models: readonly string[];
  kinds: readonly string[];
}

/** How often the shared limits of targets held jobs back. */
export class LimitMetrics {
  private readonly waits: Counter<'model' | 'kind'>;

  constructor(registry: Registry, { models, kinds }: LimitLabels) {
    this.waits = new Counter({
      name: 'ai_target_limit_waits_total',
      help: 'Passes of jobs that left a target out because of its limits, by model and kind (requests, tokens, in_flight, unreachable)',
      labelNames: ['model', 'kind'],
      registers: [registry],
    });
    for (const model of new Set(models)) for (const kind of kinds) this.waits.inc({ model, kind }, 0);
  }

  /** A job had to leave a target out. */
  waited(model: string, kind: string): void {
    this.waits.inc({ model, kind });
  }
}
