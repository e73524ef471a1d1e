import { Counter, Gauge, type Registry } from 'prom-client';

/** The label values that can occur; each state change gets a series that starts at 0. */
export interface HealthLabels {
  /** Models by the providers' names. */
  models: readonly string[];
  /** States that a target can change to. */
  states: readonly string[];
}

/** Health of one target. Several targets may serve the same model. */
export interface ModelHealth {
  model: string;
  /** 0–100. */
  score: number;
  available: boolean;
}

/** Health as the aggregator sees it. Only aggregators export these: two opinions on one model would help nobody. */
export class HealthMetrics {
  private readonly score: Gauge<'model'>;
  private readonly available: Gauge<'model'>;
  private readonly stateChanges: Counter<'model' | 'to'>;

  constructor(registry: Registry, known: HealthLabels) {
    const registers = [registry];
    // No values before the first snapshot: not known is not the same as down, and a 0 would raise an alert at every start.
    this.score = new Gauge({
      name: 'ai_model_health_score',
      help: 'Health score of the best target that serves the model, 0 to 100',
      labelNames: ['model'],
      registers,
    });
    this.available = new Gauge({
      name: 'ai_model_available',
      help: '1 while at least one target that serves the model is available, else 0',
      labelNames: ['model'],
      registers,
    });
    this.stateChanges = new Counter({
      name: 'ai_model_state_changes_total',
      help: 'State changes of targets, by model and the state entered',
      labelNames: ['model', 'to'],
      registers,
    });
    for (const model of new Set(known.models)) for (const to of known.states) this.stateChanges.inc({ model, to }, 0);
  }

  /** Replaces what is exported by the health of these targets; a model that is not among them is exported no more. */
  publish(targets: Iterable<ModelHealth>): void {
    const best = new Map<string, { score: number; available: boolean }>();
    for (const { model, score, available } of targets) {
      const other = best.get(model);
      best.set(model, { score: Math.max(score, other?.score ?? 0), available: available || other?.available === true });
    }
    this.score.reset();
    this.available.reset();
    for (const [model, { score, available }] of best) {
      this.score.set({ model }, score);
      this.available.set({ model }, available ? 1 : 0);
    }
  }

  /** A target that serves `model` entered the state `to`. */
  stateChanged(model: string, to: string): void {
    this.stateChanges.inc({ model, to });
  }
}
