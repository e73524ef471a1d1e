import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const NAME = /\b(?:ai|bullmq|gen_ai)_[a-z_]+\b/g;
const namesIn = (text: string, pattern: RegExp) => [...new Set(text.match(pattern))].toSorted();

test('docs/metrics.md has every metric, and no other', () => {
  const source = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.metrics.ts'))
    .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
    .join('\n');
  const registered = namesIn(source, /(?<=name: ')(?:ai|bullmq|gen_ai)_[a-z_]+/g);
  expect(registered.length).toBeGreaterThan(20);
  expect(namesIn(readFileSync('docs/metrics.md', 'utf8'), NAME)).toEqual(registered);
});
