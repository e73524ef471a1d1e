import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { expect, test } from 'vitest';
import { parseConfig } from './load-config.js';

const doc = readFileSync(new URL('../../../docs/providers.md', import.meta.url), 'utf8');
const examples = Array.from(
  doc.matchAll(/^## (.+?)$[^]*?^```yaml\n([^]*?)^```/gm),
  ([, title, yaml]) => [title!, yaml!] as const,
);

/** What a newcomer would have set. */
const ENV = Object.fromEntries(Array.from(doc.matchAll(/\$\{([A-Z_]+)/g), ([, name]) => [name!, 'value']));

test('the page has an example for every provider that it promises', () => {
  const titles = examples.map(([title]) => title).join(', ');
  for (const name of ['OpenAI', 'Anthropic', 'Gemini', 'DeepSeek', 'Azure', 'Ollama, vLLM', 'relay'])
    expect(titles).toContain(name);
});

test.each(examples)('%s: the example is a configuration', (_title, yaml) => {
  expect(parseConfig(yaml, ENV).targets.length).toBeGreaterThan(0);
});

test('all of them fit into one file', () => {
  const files = examples.map(([, yaml]) => parse(yaml) as { providers: object; targets: object[] });
  const providers = Object.assign({}, ...files.map((file) => file.providers)) as object;
  const targets = files.flatMap((file) => file.targets);
  expect(parseConfig(stringify({ providers, targets }), ENV).targets).toHaveLength(targets.length);
});
