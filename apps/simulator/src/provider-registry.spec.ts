import { expect, it } from 'vitest';
import { drawLatencyMs } from './latency.js';
import { ProviderRegistry } from './provider-registry.js';

const latency = { kind: 'lognormal', medianMs: 100, sigma: 0.5 } as const;

/** Draws one latency for each named model, in that order; returns those of model a. */
function drawnByA(registry: ProviderRegistry, models: string): number[] {
  const provider = registry.find('p')!;
  return models.split('').flatMap((name) => {
    const model = registry.findModel(provider, name)!;
    const drawnMs = drawLatencyMs(model.latency, model.random);
    return name === 'a' ? [drawnMs] : [];
  });
}

function createRegistry(seed = 1): ProviderRegistry {
  const registry = new ProviderRegistry({ seed, autoProviders: false, defaultLatency: latency });
  registry.put('p', { models: { a: null, b: {} } });
  return registry;
}

it('traffic on one model does not change what another draws', () => {
  const alone = drawnByA(createRegistry(), 'aaa');
  expect(drawnByA(createRegistry(), 'babbaab')).toEqual(alone);
  expect(new Set(alone).size).toBe(3);
});

it('another seed draws other latencies', () => {
  expect(drawnByA(createRegistry(2), 'aaa')).not.toEqual(drawnByA(createRegistry(1), 'aaa'));
});

it('a provider that is replaced draws from the start again', () => {
  const registry = createRegistry();
  const before = drawnByA(registry, 'aa');
  registry.put('p', { models: { a: {} } });
  expect(drawnByA(registry, 'aa')).toEqual(before);
});

it('the latency of the model wins over that of the provider, and that over the default', () => {
  const registry = createRegistry();
  const [own, ofProvider] = [1, 2].map((ms) => ({ kind: 'fixed' as const, ms }));
  registry.put('p', { models: { a: { latency: own }, b: {} }, latency: ofProvider });
  registry.put('q', { models: { a: {} } });
  const latencyOf = (name: string, model: string) => registry.findModel(registry.find(name)!, model)?.latency;
  expect([latencyOf('p', 'a'), latencyOf('p', 'b'), latencyOf('q', 'a')]).toEqual([own, ofProvider, latency]);
});
