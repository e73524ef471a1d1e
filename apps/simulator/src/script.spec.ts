import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseScript, ScriptError } from './script.js';

function problemsOf(yaml: string): string[] {
  try {
    parseScript(yaml, 'test.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(ScriptError);
    return (error as ScriptError).problems.map(({ field, message }) => `${field}: ${message}`);
  }
  return [];
}

describe('a script', () => {
  it('may be empty', () => {
    expect(parseScript('', 'test.yaml')).toMatchObject({ seed: 1, autoProviders: false, startTimeline: 'boot' });
  });

  it('of the repository is valid and plays the four providers', () => {
    const sample = parseScript(
      readFileSync(new URL('../../../simulator.yaml', import.meta.url), 'utf8'),
      'simulator.yaml',
    );
    const models = Object.entries(sample.providers).map(([name, { models }]) =>
      [name, ...Object.keys(models ?? {})].join('/'),
    );
    expect(models).toEqual([
      'openai/gpt-4',
      'anthropic/claude-sonnet-4',
      'google/gemini-2.5-flash',
      'deepseek/deepseek-v3',
    ]);
  });

  it('lists every problem at once, each with its path', () => {
    const problems = problemsOf(`
      sede: 1
      seed: -1
      providers:
        admin: { models: {} }
        openai: { models: { gpt-4: { latency: { kind: uniform, minMs: 5, maxMs: 1 } } } }
      timeline:
        - { atMs: 0, provider: openai, action: explode }
        - { atMs: soon, provider: openai, action: kill }
        - { atMs: 5, provider: openai, action: flaky, ratio: 3 }
    `);
    expect(problems).toEqual([
      expect.stringMatching(/^seed: .*>=0/),
      expect.stringMatching(/^providers\.admin: must not be one of: admin/),
      expect.stringMatching(/^providers\.openai\.models\.gpt-4\.latency\.maxMs: must not be less than minMs/),
      expect.stringMatching(/^timeline\.0\.action: must be one of: kill/),
      expect.stringMatching(/^timeline\.1\.atMs: .*expected number/),
      expect.stringMatching(/^timeline\.2\.ratio: .*<=1/),
      expect.stringMatching(/^sede: unknown field/),
    ]);
  });

  it('is refused when its timeline names a provider or model that is not there', () => {
    const problems = problemsOf(`
      providers: { openai: { models: { gpt-4: } } }
      timeline:
        - { atMs: 0, provider: opnai, action: kill }
        - { atMs: 0, provider: openai, model: gpt-5, action: kill }
    `);
    expect(problems).toEqual([
      "timeline.0.provider: no provider 'opnai'; there are: openai",
      "timeline.1.model: 'openai' has no model 'gpt-5'; it has: gpt-4",
    ]);
  });

  it('that is not YAML says where', () => {
    expect(problemsOf('seed: [1')).toEqual([expect.stringMatching(/^yaml: .*line 1/)]);
  });
});
