import { describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.js';
import { parseConfig } from './load-config.js';

/** A file with these modes, and one target for each of these. */
const fileOf = (modes: string, ...targetModes: (string | undefined)[]) => `
providers: { a: { kind: openai-compatible, baseUrl: http://127.0.0.1:1/v1 } }
targets:
${targetModes.map((mode, i) => `  - { provider: a, model: m${i}${mode ? `, mode: ${mode}` : ''} }`).join('\n')}
${modes}
`;

function problemsOf(text: string): string[] {
  try {
    parseConfig(text, {});
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('modes', () => {
  test('are relay and direct, with five minutes there and two back, unless the file says otherwise', () => {
    const { modes, targets } = parseConfig(fileOf('modes: {}', 'relay', 'direct', undefined), {});
    expect(modes).toEqual({ primary: 'relay', secondary: 'direct', switchAfterMs: 300_000, returnAfterMs: 120_000 });
    expect(targets.map(({ mode }) => mode)).toEqual(['relay', 'direct', undefined]);
  });

  test('may have any two names', () => {
    const { modes } = parseConfig(fileOf('modes: { primary: eu, secondary: us, switchAfterMs: 1000 }', 'eu', 'us'), {});
    expect(modes).toMatchObject({ primary: 'eu', secondary: 'us', switchAfterMs: 1_000 });
  });

  test('are absent from a file that does not name them', () => {
    expect(parseConfig(fileOf('', undefined), {}).modes).toBeUndefined();
  });

  test.each([
    ['a target of a mode that there is not', fileOf('modes: {}', 'relay', 'direct', 'x'), 'targets[2].mode: no mode'],
    ['a mode without a target', fileOf('modes: {}', 'relay', undefined), 'modes.secondary: no target has mode: direct'],
    ['a target with a mode, but no modes', fileOf('', 'relay'), 'targets[0].mode: means nothing without modes'],
    ['twice the same mode', fileOf('modes: { secondary: relay }', 'relay'), 'modes.secondary: is the primary mode'],
    ['the word of the automatic choice', fileOf('modes: { primary: auto }', 'auto'), 'modes.primary: is the word'],
  ])('are refused with %s', (_what, text, problem) => {
    expect(problemsOf(text).join('\n')).toContain(problem);
  });
});
