import {
  initialTargetState,
  seedFromView,
  transition,
  viewTarget,
  type HealthEvent,
  type HealthPolicy,
  type Observation,
  type TargetProfile,
  type TargetState,
  type TargetView,
} from '#libs/health-core';

const TICK_MS = 1_000;

interface LocalTarget {
  profile: TargetProfile;
  state: TargetState;
}

/**
 * Health as this router sees it alone: what the aggregator said last, and from then on the router's own outcomes, by the same rules.
 * Used while nobody publishes. Reads no clock.
 */
export class LocalHealth {
  readonly #targets: ReadonlyMap<string, LocalTarget>;
  #tickedAt = -Infinity;

  /**
   * @param last the last known views by target; one that is missing begins as if nothing were known of it
   * @param draw gives random numbers in [0, 1)
   */
  constructor(
    profiles: readonly TargetProfile[],
    last: ReadonlyMap<string, TargetView>,
    now: number,
    private readonly policy: HealthPolicy,
    private readonly draw: () => number = Math.random,
  ) {
    this.#targets = new Map(
      profiles.map((profile) => {
        const view = last.get(profile.id);
        const state = view ? seedFromView(view, profile, now, policy, draw()) : initialTargetState(profile, policy);
        return [profile.id, { profile, state }];
      }),
    );
  }

  /** One of our calls ended. */
  observe(observation: Observation, now: number): void {
    const target = this.#targets.get(observation.target);
    if (target) this.#apply(target, { type: 'observed', observation, now, draw: this.draw() });
  }

  /** Views by target at `now`. */
  views(now: number): ReadonlyMap<string, TargetView> {
    // A clock that was set back must not stop the time until it has caught up.
    if (Math.abs(now - this.#tickedAt) >= TICK_MS) {
      this.#tickedAt = now;
      for (const target of this.#targets.values()) this.#apply(target, { type: 'ticked', now, draw: this.draw() });
    }
    return new Map(
      [...this.#targets].map(([id, { profile, state }]) => [id, viewTarget(state, profile, now, this.policy)]),
    );
  }

  #apply(target: LocalTarget, event: HealthEvent): void {
    const [state, effects] = transition(target.state, event, target.profile, this.policy);
    target.state = state;
    const opened = effects.find((effect) => effect.type === 'opened');
    if (!opened) return;
    for (const other of this.#targets.values())
      if (other !== target && other.profile.provider === target.profile.provider)
        this.#apply(other, { type: 'sibling-opened', now: event.now, disabling: opened.disabling });
  }
}
