import { readFileSync } from 'node:fs';
import { DEFAULT_POLICY } from '#libs/health-core';
import { describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.js';
import { loadConfig, parseConfig } from './load-config.js';

const BASE = `
providers:
  a: { kind: openai-compatible, baseUrl: http://127.0.0.1:1/v1 }
targets:
  - { provider: a, model: m1, fallbacks: [a/m2] }
  - { provider: a, model: m2, fallbacks: [a/m1] }
`;

/** Paths and messages of everything that is wrong with `text`. */
function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  try {
    parseConfig(text, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('a good configuration', () => {
  test('is the shipped sample, with the numbers of its four models', () => {
    const config = parseConfig(readFileSync('understudy.yaml', 'utf8'), {});
    const numbers = config.targets.map((t) => [t.model, t.timeoutMs, t.weight, t.maxLatencyMs]);
    expect(numbers).toEqual([
      ['gpt-4', 10_000, 3, 3000],
      ['claude-sonnet-4', 12_000, 2, 4000],
      ['gemini-2.5-flash', 8_000, 4, 2000],
      ['deepseek-v3', 10_000, 5, 2500],
    ]);
    expect(config.probes.intervalMs).toBe(30_000);
  });

  test('says how often providers are asked for their models: once a day, or as it is told, or never', () => {
    const intervalOf = (probes: string) => parseConfig(`${BASE}probes: ${probes}`, {}).probes.modelsIntervalMs;
    expect(intervalOf('{}')).toBe(86_400_000);
    expect(['1000', "'60000'"].map((value) => intervalOf(`{ modelsIntervalMs: ${value} }`))).toEqual([1_000, 60_000]);
    expect(['off', 'false', '0', "'0'"].map((value) => intervalOf(`{ modelsIntervalMs: ${value} }`))).toEqual([
      0, 0, 0, 0,
    ]);
    const problem = 'probes.modelsIntervalMs: must be off, or a whole number of milliseconds from 1000 to 604800000';
    for (const value of ['5', '-1', '1000.5', '604800001'])
      expect(problemsOf(`${BASE}probes: { modelsIntervalMs: ${value} }`)).toEqual([problem]);
  });

  test('is the one for real OpenAI models, once the key is there', () => {
    const text = readFileSync('understudy.openai.yaml', 'utf8');
    expect(parseConfig(text, { OPENAI_API_KEY: 'k' }).providers['openai']?.baseUrl).toBe('https://api.openai.com/v1');
    expect(problemsOf(text)[0]).toContain('environment variable OPENAI_API_KEY is not set');
  });

  test('fills in ids, names, defaults and the route to everything', () => {
    const config = parseConfig(BASE, {});
    expect(config.targets[0]).toMatchObject({ id: 'a/m1', serves: ['m1'], weight: 1, timeoutMs: 30_000 });
    expect(config.routes.get('m1')).toEqual({
      model: 'm1',
      operation: 'chat',
      targets: ['a/m1'],
      fallbacks: ['a/m2'],
      standIns: 'any',
    });
    expect(config.routes.get('auto')?.targets).toEqual(['a/m1', 'a/m2']);
    expect(config.jobs.maxRequestBytes).toBe(4 * 1024 * 1024);
  });

  test('takes secrets and numbers from the environment', () => {
    const text = `${BASE.replace('/v1 }', "/v1, apiKey: '${KEY}' }")}probes: { intervalMs: '\${EVERY:-30000}' }`;
    const config = parseConfig(text, { KEY: '0123: not yaml', EVERY: '500' });
    expect(config.providers['a']?.apiKey).toBe('0123: not yaml');
    expect(config.probes.intervalMs).toBe(500);
  });

  test('joins the targets that serve the same name into one route', () => {
    const config = parseConfig(`${BASE}  - { provider: a, model: other, serves: [m1] }`, {});
    expect(config.routes.get('m1')?.targets).toEqual(['a/m1', 'a/other']);
  });

  test('follows an alias of an alias', () => {
    const config = parseConfig(`${BASE}aliases: { old: older, older: m2 }`, {});
    expect(config.routes.get('old')).toMatchObject({ model: 'old', targets: ['a/m2'] });
  });

  test('judges health by the adaptive profile, with the default of every number that the file leaves out', () => {
    const { health } = parseConfig(`${BASE}health: { policy: { openBaseMs: 1000, rampMs: '\${RAMP}' } }`, {
      RAMP: '9000',
    });
    expect(health.policy).toEqual({ ...DEFAULT_POLICY, openBaseMs: 1_000, rampMs: 9_000 });
    expect(parseConfig(`${BASE}health: { scoring: article }`, {}).health.policy.scoring).toBe('article');
  });

  test('puts a target of a higher tier in reserve', () => {
    const text = BASE.replace('model: m2', 'model: m2, tier: 1, expectedLatencyMs: 800, expectedProbeMs: 90');
    const tiers = parseConfig(text, {}).targets.map(({ tier, expectedLatencyMs }) => [tier, expectedLatencyMs]);
    expect(tiers).toEqual([
      [0, undefined],
      [1, 800],
    ]);
  });

  test('may end a base URL with a slash', () => {
    expect(parseConfig(BASE.replace('/v1 }', '/v1/ }'), {}).providers['a']?.baseUrl).toBe('http://127.0.0.1:1/v1');
  });

  test('may give a base URL a query, which every call is to carry', () => {
    const parsed = (end: string) => parseConfig(BASE.replace('/v1 }', `${end}' }`).replace('http:', "'http:"), {});
    const baseUrl = (end: string) => parsed(end).providers['a']?.baseUrl;
    expect(baseUrl('/v1/?api-version=2024-10-21')).toBe('http://127.0.0.1:1/v1?api-version=2024-10-21');
    expect(baseUrl('?path=a/')).toBe('http://127.0.0.1:1?path=a/');
  });
});

describe('a bad configuration is refused', () => {
  test.each([
    ['an unknown field', BASE.replace('model: m1', 'model: m1, wieght: 2'), 'targets[0].wieght: unknown field'],
    ['an unknown field at the top', `${BASE}providerz: {}`, 'providerz: unknown field'],
    [
      'a target twice',
      `${BASE}  - { provider: a, model: m1 }`,
      'targets[2]: is a second target called "a/m1" (the first is targets[0])',
    ],
    [
      'a provider that does not exist',
      `${BASE}  - { provider: b, model: m }`,
      'targets[2].provider: no provider is called "b"; known: a',
    ],
    [
      'a chain that names no target',
      BASE.replace('[a/m2]', '[a/m3]'),
      'targets[0].fallbacks[0]: no target is called "a/m3"; known: a/m1, a/m2',
    ],
    [
      'a chain that leads back',
      BASE.replace('[a/m2]', '[a/m2, a/m1]'),
      'targets[0].fallbacks[1]: leads back to "a/m1"',
    ],
    [
      'a chain with a repetition',
      BASE.replace('[a/m2]', '[a/m2, a/m2]'),
      'targets[0].fallbacks[1]: names "a/m2" a second time',
    ],
    ['aliases in a circle', `${BASE}aliases: { x: y, y: x }`, 'aliases.x: goes in a circle: x → y → x'],
    ['an alias of nothing', `${BASE}aliases: { x: nope }`, 'aliases.x: no model or route is called "nope"; known: a'],
    ['an alias that hides a model', `${BASE}aliases: { m1: m2 }`, 'aliases.m1: is the name of a model'],
    [
      'a route to nowhere',
      `${BASE}routes: { best: { targets: [zz] } }`,
      'routes.best.targets[0]: no target is called "zz"',
    ],
    [
      'credentials in a URL',
      BASE.replace('http://', 'http://me:pw@'),
      'providers.a.baseUrl: holds credentials; move them to apiKey',
    ],
    [
      'a key in the query of a URL',
      BASE.replace('/v1 }', '/v1?api-version=1&Key=sk-1 }'),
      'providers.a.baseUrl: holds a credential, Key; move it to apiKey or headers',
    ],
    ['a fragment in a URL', BASE.replace('/v1 }', '/v1#here }'), 'providers.a.baseUrl: must not have a fragment'],
    ['a URL that is none', BASE.replace('http://127.0.0.1:1/v1', 'localhost'), 'providers.a.baseUrl: is not a URL'],
    [
      'a key with a line break',
      BASE.replace('/v1 }', '/v1, apiKey: "sk-1\\n" }'),
      'providers.a.apiKey: holds characters that cannot stand in a header',
    ],
    [
      'an empty key',
      BASE.replace('/v1 }', '/v1, apiKey: "${NO_SUCH_VARIABLE:-}" }'),
      'providers.a.apiKey: is empty: set its variable, or leave it out',
    ],
    [
      'a header with a space',
      BASE.replace('/v1 }', '/v1, headers: { "a b": c } }'),
      'providers.a.headers.a b: is not the name of a header',
    ],
    [
      'a header of the connection',
      BASE.replace('/v1 }', '/v1, headers: { Content-Length: "3" } }'),
      'providers.a.headers.Content-Length: is set with each call',
    ],
    [
      'the address of an operation',
      BASE.replace('/v1 }', '/v1/chat/completions/ }'),
      'providers.a.baseUrl: must end before /chat/completions',
    ],
    [
      'a reference inside braces without quotes',
      BASE.replace('/v1 }', '/v1, apiKey: ${KEY} }'),
      ": is not YAML: inside { … } a reference stands in quotes, '${NAME}'; see line 3",
    ],
    ['a field that is left out', BASE.replace('model: m1', 'weight: 1'), 'targets[0].model: is missing'],
    ['an anchor that does not exist', BASE.replace('model: m1', 'model: *nowhere'), ': is not YAML: '],
    ['an anchor that holds itself', BASE.replace('[a/m2]', '&x [*x]'), ': is not YAML: '],
    ['a negative weight', BASE.replace('model: m1', 'model: m1, weight: -1'), 'targets[0].weight: Too small'],
    [
      'a number that is none',
      BASE.replace('model: m1', 'model: m1, weight: heavy'),
      'targets[0].weight: Invalid input',
    ],
    [
      'a policy of an unknown name',
      `${BASE}health: { policy: { rampTime: 5 } }`,
      'health.policy.rampTime: unknown field',
    ],
    [
      'a policy that is no number',
      `${BASE}health: { policy: { rampMs: soon } }`,
      'health.policy.rampMs: Invalid input',
    ],
    ['a policy of zero', `${BASE}health: { policy: { evidenceHalfLifeMs: 0 } }`, 'health.policy.evidenceHalfLifeMs: '],
    ['a negative policy', `${BASE}health: { policy: { openBaseMs: -1 } }`, 'health.policy.openBaseMs: must be above 0'],
    ['a policy that is not a number', `${BASE}health: { policy: { rampMs: .nan } }`, 'health.policy.rampMs: '],
    [
      'a policy that contradicts itself',
      `${BASE}health: { policy: { openBaseMs: 9000, openMaxMs: 5000 } }`,
      'health.policy.openBaseMs: (9000) must not be above openMaxMs (5000)',
    ],
    ['an unknown scoring', `${BASE}health: { scoring: best }`, 'health.scoring: '],
    ['the scoring in the wrong place', `${BASE}health: { policy: { scoring: article } }`, 'health.policy.scoring: '],
    ['a tier below 0', BASE.replace('model: m1', 'model: m1, tier: -1'), 'targets[0].tier: Too small'],
    ['no targets', BASE.replace(/targets:[\s\S]*/, 'targets: []'), 'targets: Too small'],
    ['text that is not YAML', 'a: [', ': is not YAML'],
    ['an empty file', '', ': Invalid input'],
  ])('with %s', (_what, text, problem) => {
    expect(problemsOf(text).join('\n')).toContain(problem);
  });

  test('with a missing variable, named once with the cure', () => {
    const text = BASE.replace('/v1 }', "/v1, apiKey: '${NO_KEY}' }");
    expect(problemsOf(text, { NO_KEY: '' })).toEqual([
      'providers.a.apiKey: environment variable NO_KEY is not set; set it, or write ${NO_KEY:-default}',
    ]);
  });

  test('with all its problems in one message', () => {
    const text = `${BASE.replace('model: m1', 'model: m1, weight: -1, colour: red')}extra: 1`;
    expect(problemsOf(text)).toHaveLength(3);
    expect(() => parseConfig(text, {}, 'my.yaml')).toThrow(/^my\.yaml cannot be used, 3 problems:\n {2}/);
  });

  test('by its first problem of syntax, without the text around it', () => {
    const text = `${BASE}x: [ "sk-secret-key", {`;
    expect(problemsOf(text).length).toBeLessThanOrEqual(3);
    expect(problemsOf(text).join()).toMatch(/at line \d+, column \d+/);
    expect(problemsOf(text).join()).not.toContain('sk-secret-key');
  });

  test('without repeating the secrets that are in it', () => {
    const text = BASE.replace('/v1 }', "/v1, apiKey: '${KEY}', colour: '${KEY}' }");
    expect(problemsOf(text, { KEY: 'top-secret' }).join()).not.toContain('top-secret');
  });

  test('when the file is missing, naming the variable that chooses it', () => {
    expect(() => loadConfig('nowhere.yaml', {})).toThrow(/nowhere\.yaml.*no such file; UNDERSTUDY_CONFIG/s);
  });
});
