import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkConfig, chooseConfig } from './choose-config.js';

function configFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'mine.yaml');
  writeFileSync(file, text);
  return file;
}

describe('chooseConfig', () => {
  it('takes the sample, on the simulator, when nothing else is asked for', () => {
    expect(chooseConfig({})).toEqual({ file: 'understudy.yaml', usesSimulator: true, notes: [] });
  });

  it('says that real providers cost money, and how to go back', () => {
    const file = configFile('providers: {}');
    const { usesSimulator, notes } = chooseConfig({ UNDERSTUDY_CONFIG: file });
    expect(usesSimulator).toBe(false);
    expect(notes.join('\n')).toMatch(
      /because UNDERSTUDY_CONFIG is set[^]*costs money[^]*UNDERSTUDY_CONFIG=understudy.yaml npm start/,
    );
  });

  it('names the variable when the file is missing', () => {
    expect(() => chooseConfig({ UNDERSTUDY_CONFIG: 'none.yaml' })).toThrow(/none.yaml[^]*UNDERSTUDY_CONFIG/);
  });
});

describe('checkConfig', () => {
  it('accepts the sample before the simulator has an address', () => {
    expect(checkConfig('understudy.yaml', {}).routes.get('gpt-4')?.targets).toEqual(['openai/gpt-4']);
  });

  it('tells of a key that is missing', () => {
    const file = configFile(
      "providers: { real: { kind: openai-compatible, baseUrl: 'https://x.test/v1', apiKey: '${SOME_KEY}' } }\ntargets: [{ provider: real, model: m }]",
    );
    expect(() => checkConfig(file, {})).toThrow(/providers.real.apiKey: environment variable SOME_KEY is not set/);
  });
});
