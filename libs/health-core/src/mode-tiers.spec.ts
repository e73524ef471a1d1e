import { describe, expect, test } from 'vitest';
import { choose } from './choose.js';
import { inMode } from './mode-tiers.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { initialRoutingState } from './routing-state.js';
import { START } from './story.fixture.js';
import { initialTargetState } from './target-state.js';
import { viewTarget, type TargetView } from './target-view.js';

const membership: Record<string, string | undefined> = { relay: 'relay', direct: 'direct', both: undefined };

function view(id: string, change: Partial<TargetView> = {}): TargetView {
  const profile = { id, provider: id, tier: 0, weight: 1, maxLatencyMs: 3_000, timeoutMs: 10_000 };
  return { ...viewTarget(initialTargetState(profile, policy), profile, START, policy), ...change };
}

const dead: Partial<TargetView> = { breaker: 'open', available: false, healthy: false, reason: 'consecutive_failures' };
const onTrial: Partial<TargetView> = { breaker: 'half-open', available: false, healthy: false };

/** Who gets 100 first attempts, one after another, under a mode. */
function firstAttempts(mode: string, views: readonly TargetView[]): Record<string, number> {
  let routing = initialRoutingState();
  const asked: Record<string, number> = {};
  for (let i = 0; i < 100; i++) {
    const question = {
      primary: views.map((one) => inMode(one, { mode: membership[one.target] }, mode)),
      standIns: [],
      fallbacks: [],
      tried: new Set<string>(),
      failedProviders: new Set<string>(),
      isRetry: false,
    };
    const decision = choose(question, routing, START + i * 1_000, 0.5, policy);
    routing = decision.routing;
    const target = decision.choice?.target ?? 'nobody';
    asked[target] = (asked[target] ?? 0) + 1;
  }
  return asked;
}

describe('under a mode', () => {
  test('its targets and those of both modes share all first attempts', () => {
    const all = [view('relay'), view('direct'), view('both')];
    expect(firstAttempts('relay', all)).toEqual({ relay: 50, both: 50 });
    expect(firstAttempts('direct', all)).toEqual({ direct: 50, both: 50 });
  });

  test('the other mode answers from the first moment on in which its own targets cannot', () => {
    expect(firstAttempts('relay', [view('relay', dead), view('direct')])).toEqual({ direct: 100 });
  });

  test('no job tries a target of the other mode that is on its way back', () => {
    expect(firstAttempts('direct', [view('relay', onTrial), view('direct')])).toEqual({ direct: 100 });
    expect(firstAttempts('relay', [view('relay', onTrial), view('direct')])).toMatchObject({
      relay: expect.any(Number),
    });
  });

  test('a target on its way back is tried when nobody else is left', () => {
    const asked = firstAttempts('direct', [view('relay', onTrial), view('direct', dead)]);
    expect(asked['relay']).toBe(1); // its one trial slot is never settled here
  });
});
