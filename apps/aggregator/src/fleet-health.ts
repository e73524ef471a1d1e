import { initialAlertState, judgeAlerts, type Alert, type AlertRules, type AlertState } from '#libs/alerts';
import type { HealthSnapshot } from '#libs/contracts';
import {
  initialTargetState,
  transition,
  viewTarget,
  type HealthEffect,
  type HealthEvent,
  type HealthPolicy,
  type Observation,
  type FleetMode,
  type ModeRules,
  type TargetProfile,
  type TargetState,
} from '#libs/health-core';
import { takeSnapshot, type TargetRecord } from './health-snapshot.js';
import { ModeWatch, type ModeEffect } from './mode-watch.js';
import { probeSlotMs } from './probe-interval.js';
import { restoreState } from './restore-state.js';
import { SeenObservations, type ReporterSequences } from './seen-observations.js';

/** An effect on one target. */
export type TargetEffect = HealthEffect & { target: string; model: string };

/** What the caller must do, about one target or about the mode of all. */
export type FleetEffect = TargetEffect | ModeEffect | { type: 'alerted'; alert: Alert };

/** What became of an observation. */
export type Folded = { as: 'news'; effects: FleetEffect[] } | { as: 'repeat' } | { as: 'unknown-target' };

/** What is configured about the fleet, as far as its health depends on it: an UnderstudyConfig will do. */
export interface FleetConfig {
  targets: readonly (TargetProfile & { model: string; mode?: string | undefined })[];
  modes?: ModeRules | undefined;
  /** Without them nobody is told anything. */
  alertRules?: AlertRules | undefined;
  health: { policy: HealthPolicy };
  probes: { intervalMs: number };
}

/** What one fleet leaves to the next; plain data. `targets` are states by target id, not yet trusted. */
export interface SavedFleet {
  targets: Record<string, unknown>;
  reporters: ReporterSequences;
  mode?: FleetMode | undefined;
  alerts?: AlertState | undefined;
}

/** The state of all configured targets, in memory. Reads no clock, talks to nobody. */
export class FleetHealth {
  readonly #targets: ReadonlyMap<string, TargetRecord>;
  readonly #seen: SeenObservations;
  readonly #policy: HealthPolicy;
  readonly #mode: ModeWatch | null;
  #alerts: AlertState;
  /** As published last, by target id. */
  #probeIntervals: ReadonlyMap<string, number> = new Map();
  /** Targets of the saved state that are configured no more. */
  readonly removed: readonly string[];

  /**
   * A configured target that the saved state does not know begins anew; one that is not configured is dropped.
   * @param draw gives random numbers in [0, 1)
   */
  constructor(
    private readonly config: FleetConfig,
    saved?: SavedFleet,
    private readonly draw: () => number = Math.random,
  ) {
    const known = new Map(Object.entries(saved?.targets ?? {}));
    this.#policy = config.health.policy;
    this.#targets = new Map(
      config.targets.map((profile) => [profile.id, { profile, state: this.#begin(profile, known.get(profile.id)) }]),
    );
    this.#seen = new SeenObservations(saved?.reporters);
    this.#alerts = saved?.alerts ?? initialAlertState();
    this.#mode = config.modes ? new ModeWatch(config.modes, saved?.mode) : null;
    this.removed = [...known.keys()].filter((id) => !this.#targets.has(id));
  }

  /** Takes an observation in. A second delivery changes nothing. `now` is our clock, epoch milliseconds. */
  fold(observation: Observation, now: number): Folded {
    const record = this.#targets.get(observation.target);
    if (!record) return { as: 'unknown-target' };
    if (!this.#seen.take(observation.id)) return { as: 'repeat' };
    return { as: 'news', effects: this.#apply(record, { type: 'observed', observation, now, draw: this.draw() }) };
  }

  /**
   * Lets time pass; to be called each second.
   * @param modeSetTo what an operator has set; null for the automatic choice
   */
  tick(now: number, modeSetTo: string | null = null): FleetEffect[] {
    const effects = [...this.#targets.values()].flatMap((record) =>
      this.#apply(record, { type: 'ticked', now, draw: this.draw() }),
    );
    if (!this.#mode) return effects;
    const primary = [...this.#targets.values()].filter(({ profile }) => profile.mode === this.config.modes?.primary);
    const members = primary.map(({ state, profile }) => viewTarget(state, profile, now, this.#policy));
    return [...effects, ...this.#mode.look(members, modeSetTo, now)];
  }

  /** Whether some target is to be pinged sooner than the last snapshot said: somebody should hear it. */
  wantsProbesSooner(now: number): boolean {
    const views = [...this.#targets.values()].map(({ state, profile }) =>
      viewTarget(state, profile, now, this.#policy),
    );
    const usualMs = this.config.probes.intervalMs;
    const situation = { usualMs, isAnyClosed: views.some(({ breaker }) => breaker === 'closed'), now };
    return views.some(
      (view) => probeSlotMs(view, situation, this.#policy) < (this.#probeIntervals.get(view.target) ?? usualMs),
    );
  }

  snapshot(stamp: Pick<HealthSnapshot, 'epoch' | 'version' | 'at'>): HealthSnapshot {
    const rules = { policy: this.#policy, usualMs: this.config.probes.intervalMs, mode: this.#mode?.told() };
    const snapshot = takeSnapshot([...this.#targets.values()], stamp, rules);
    this.#probeIntervals = new Map(snapshot.targets.map(({ target, probeIntervalMs }) => [target, probeIntervalMs]));
    return snapshot;
  }

  /** What people are to be told of a snapshot; nothing is told twice. */
  alertsOf(snapshot: HealthSnapshot): FleetEffect[] {
    const { alertRules } = this.config;
    if (!alertRules) return [];
    const [next, alerts] = judgeAlerts(this.#alerts, snapshot, alertRules);
    this.#alerts = next;
    return alerts.map((alert) => ({ type: 'alerted', alert }));
  }

  /** For the constructor of the next one. */
  save(): SavedFleet & { targets: Record<string, TargetState> } {
    const states = [...this.#targets].map(([id, { state }]) => [id, state] as const);
    const mode = this.#mode && { mode: this.#mode.save() };
    const alerts = this.#alerts;
    return { targets: Object.fromEntries(states), reporters: this.#seen.toJSON(), ...mode, alerts };
  }

  #begin(profile: TargetProfile, saved: unknown): TargetState {
    const blank = initialTargetState(profile, this.#policy);
    return saved === undefined ? blank : restoreState(saved, blank);
  }

  #apply(record: TargetRecord, event: HealthEvent): TargetEffect[] {
    const { profile } = record;
    const [state, effects] = transition(record.state, event, profile, this.#policy);
    record.state = state;
    const own = effects.map((effect) => ({ ...effect, target: profile.id, model: profile.model }));
    const { now } = event;
    const told = effects.flatMap((effect): HealthEvent[] => {
      if (effect.type === 'opened') return [{ type: 'sibling-opened', now, disabling: effect.disabling }];
      return effect.type === 'blocked' && effect.account ? [{ type: 'sibling-blocked', now, ...effect.account }] : [];
    });
    return [...own, ...told.flatMap((news) => this.#tellSiblings(profile, news))];
  }

  /** Targets of one provider tend to fail together: the others are watched more closely, or share a block of the account. */
  #tellSiblings({ id, provider }: TargetProfile, news: HealthEvent): TargetEffect[] {
    const siblings = [...this.#targets.values()].filter(
      ({ profile }) => profile.provider === provider && profile.id !== id,
    );
    return siblings.flatMap((sibling) => this.#apply(sibling, news));
  }
}
