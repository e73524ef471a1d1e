import type { HealthEffect, HealthEvent } from './health-event.js';
import type { Observation } from './observation.js';
import { DEFAULT_POLICY, type HealthPolicy } from './policy.js';
import type { TargetProfile } from './target-profile.js';
import { initialTargetState, type TargetState } from './target-state.js';
import { viewTarget, type TargetView } from './target-view.js';
import { transition } from './transition.js';

/** Some time in 2026, so that "never" (0) is long ago. */
export const START = 1_780_000_000_000;

export const PROFILE: TargetProfile = {
  id: 'relay/gpt-4',
  provider: 'relay',
  tier: 0,
  weight: 3,
  maxLatencyMs: 10_000,
  timeoutMs: 10_000,
  expectedLatencyMs: 2_000,
  expectedProbeMs: 500,
};

export const observationOf = (change: Partial<Observation> = {}): Observation => ({
  id: 'story-1',
  target: PROFILE.id,
  source: 'traffic',
  outcome: 'success',
  latencyMs: change.source === 'probe' ? 500 : 2_000,
  at: START,
  ...change,
});

/**
 * The words of a story. Calls start and end at once (under the present generation), each a second after the one before.
 * A number lets so many seconds pass, with a tick each.
 */
const WORDS: Record<string, Partial<Observation>> = {
  ok: { outcome: 'success' },
  fail: { outcome: 'server_error' },
  probe: { source: 'probe', outcome: 'success' },
  'bad-probe': { source: 'probe', outcome: 'timeout' },
  trial: { outcome: 'success', trial: true },
  'bad-trial': { outcome: 'server_error', trial: true },
  panic: { outcome: 'success', panic: true },
  'bad-panic': { outcome: 'server_error', panic: true },
  throttled: { outcome: 'rate_limited' },
  'throttled-probe': { source: 'probe', outcome: 'rate_limited' },
  'throttled-trial': { outcome: 'rate_limited', trial: true },
  caller: { outcome: 'bad_request' },
  cancelled: { outcome: 'cancelled' },
  auth: { source: 'probe', outcome: 'auth', errorMessage: 'invalid key' },
  quota: { outcome: 'quota' },
};

export interface Told {
  state: TargetState;
  effects: HealthEffect[];
  now: number;
}

/** Folds a story, by default from the first day of a target. */
export function tell(story: string, policy: HealthPolicy = DEFAULT_POLICY, from?: Told, draw = 0.5): Told {
  let { state, now } = from ?? { state: initialTargetState(PROFILE, policy), now: START };
  const effects: HealthEffect[] = [];
  const fold = (event: HealthEvent) => {
    const [next, told] = transition(state, event, PROFILE, policy);
    state = next;
    effects.push(...told);
  };
  for (const word of story.split(/\s+/).filter(Boolean)) {
    if (/^\d+$/.test(word)) {
      for (let second = 0; second < Number(word); second++) fold({ type: 'ticked', now: (now += 1_000), draw });
      continue;
    }
    now += 1_000;
    if (word === 'sibling') fold({ type: 'sibling-opened', now });
    else if (word === 'hold') fold({ type: 'held-out', now, reason: 'drained by hand' });
    else if (word === 'release') fold({ type: 'released', now });
    else {
      // `late:fail` began before the last transition.
      const [name = '', late] = word.split(':').toReversed();
      const kind = WORDS[name];
      if (!kind) throw new Error(`unknown word in story: ${word}`);
      const generation = state.breaker.generation - (late ? 1 : 0);
      fold({ type: 'observed', observation: observationOf({ ...kind, at: now, generation }), now, draw });
    }
  }
  return { state, effects, now };
}

/** The view at the end of a story. */
export const viewOf = ({ state, now }: Told, policy: HealthPolicy = DEFAULT_POLICY): TargetView =>
  viewTarget(state, PROFILE, now, policy);

/** A view of a target that is well, with these changes. */
export function aView(id: string, change: Partial<TargetView> = {}): TargetView {
  const [provider = id] = id.split('/');
  const profile = { ...PROFILE, id, provider, weight: 1 };
  return { ...viewTarget(initialTargetState(profile, DEFAULT_POLICY), profile, START, DEFAULT_POLICY), ...change };
}
