import { Counter, Gauge, type Registry } from 'prom-client';

/** Phase of a breaker, from the best to the worst; the position is the value of `ai_circuit_state`. */
const CIRCUIT_STATES = ['closed', 'half-open', 'open'] as const;

export type CircuitState = (typeof CIRCUIT_STATES)[number];

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
  circuit: CircuitState;
}

/** Health as the aggregator sees it. Only aggregators export these: two opinions on one model would help nobody. */
export class HealthMetrics {
  private readonly score: Gauge<'model'>;
  private readonly available: Gauge<'model'>;
  private readonly stateChanges: Counter<'model' | 'to'>;
  private readonly circuit: Gauge<'model'>;
  private readonly blocks: Counter<'model'>;
  private readonly circuitTransitions: Counter<'model' | 'to'>;

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
    this.circuit = new Gauge({
      name: 'ai_circuit_state',
      help: 'Breaker of the best target that serves the model: 0 closed, 1 half-open, 2 open',
      labelNames: ['model'],
      registers,
    });
    this.circuitTransitions = new Counter({
      name: 'ai_circuit_transitions_total',
      help: 'Breaker transitions of targets, by model and the phase entered (closed, half-open, open)',
      labelNames: ['model', 'to'],
      registers,
    });
    this.blocks = new Counter({
      name: 'ai_target_blocks_total',
      help: 'Times that a target asked, by a 429, to be left alone by all routers, by model',
      labelNames: ['model'],
      registers,
    });
    for (const model of new Set(known.models)) {
      this.blocks.inc({ model }, 0);
      for (const to of known.states) this.stateChanges.inc({ model, to }, 0);
      for (const to of CIRCUIT_STATES) this.circuitTransitions.inc({ model, to }, 0);
    }
  }

  /** Replaces what is exported by the health of these targets; a model that is not among them is exported no more. */
  publish(targets: Iterable<ModelHealth>): void {
    const best = new Map<string, { score: number; available: boolean; circuit: number }>();
    for (const { model, score, available, circuit } of targets) {
      const other = best.get(model);
      best.set(model, {
        score: Math.max(score, other?.score ?? 0),
        available: available || other?.available === true,
        circuit: Math.min(CIRCUIT_STATES.indexOf(circuit), other?.circuit ?? Infinity),
      });
    }
    for (const gauge of [this.score, this.available, this.circuit]) gauge.reset();
    for (const [model, { score, available, circuit }] of best) {
      this.score.set({ model }, score);
      this.available.set({ model }, available ? 1 : 0);
      this.circuit.set({ model }, circuit);
    }
  }

  /** A target that serves `model` entered the state `to`. */
  stateChanged(model: string, to: string): void {
    this.stateChanges.inc({ model, to });
  }

  /** A target that serves `model` closed a window for everybody. */
  targetBlocked(model: string): void {
    this.blocks.inc({ model });
  }

  /** The breaker of a target that serves `model` changed to `to`. */
  circuitChanged(model: string, to: CircuitState): void {
    this.circuitTransitions.inc({ model, to });
  }
}
