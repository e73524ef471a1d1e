import type { UnderstudyConfig } from '#libs/config';
import type { HealthSnapshot } from '#libs/contracts';
import {
  initialTargetState,
  transition,
  type HealthEffect,
  type Observation,
  type TargetState,
} from '#libs/health-core';
import { takeSnapshot, type TargetRecord } from './health-snapshot.js';
import type { SavedState } from './saved-state.js';
import { SeenObservations } from './seen-observations.js';

/** An effect and the target that it is about. */
export type FleetEffect = HealthEffect & { target: string; model: string };

/** What became of an observation. */
export type Folded = { as: 'news'; effects: FleetEffect[] } | { as: 'repeat' } | { as: 'unknown-target' };

type FleetTarget = TargetRecord & { config: UnderstudyConfig['targets'][number] };

/** The state of all configured targets, in memory. Reads no clock, talks to nobody. */
export class FleetHealth {
  readonly #targets: Map<string, FleetTarget>;
  readonly #seen: SeenObservations;
  readonly #failuresToDisable: number;
  /** Targets of the saved state that are configured no more. */
  readonly removed: readonly string[];

  /** A configured target that the saved state does not know begins anew; one that is not configured is dropped. */
  constructor(config: Pick<UnderstudyConfig, 'targets' | 'health'>, saved?: Pick<SavedState, 'targets' | 'reporters'>) {
    const known = new Map<string, TargetState>(Object.entries(saved?.targets ?? {}));
    this.#targets = new Map(
      config.targets.map((target) => [
        target.id,
        { config: target, state: known.get(target.id) ?? initialTargetState() },
      ]),
    );
    this.#seen = new SeenObservations(saved?.reporters);
    this.#failuresToDisable = config.health.failuresToDisable;
    this.removed = [...known.keys()].filter((id) => !this.#targets.has(id));
  }

  /** Takes an observation in. A second delivery changes nothing. */
  fold(observation: Observation): Folded {
    const target = this.#targets.get(observation.target);
    if (!target) return { as: 'unknown-target' };
    if (!this.#seen.take(observation.id)) return { as: 'repeat' };
    const { id, model, maxLatencyMs } = target.config;
    const policy = { failuresToDisable: this.#failuresToDisable, maxLatencyMs };
    const [state, effects] = transition(target.state, observation, policy);
    target.state = state;
    return { as: 'news', effects: effects.map((effect) => ({ ...effect, target: id, model })) };
  }

  snapshot(stamp: Pick<HealthSnapshot, 'epoch' | 'version' | 'at'>): HealthSnapshot {
    return takeSnapshot([...this.#targets.values()], stamp);
  }

  /** For the constructor of the next one. */
  save(): Pick<SavedState, 'targets' | 'reporters'> {
    const states = [...this.#targets].map(([id, { state }]) => [id, state] as const);
    return { targets: Object.fromEntries(states), reporters: this.#seen.toJSON() };
  }
}
