import { describe, expect, test } from 'vitest';
import { excerpt, secretsOf } from './excerpt.js';

describe('an excerpt', () => {
  test.each([
    ['Incorrect API key provided: sk-abcdefghijklmnop', 'sk-abcdefghijklmnop'],
    ['header Authorization: Bearer abc.def-ghi', 'abc.def-ghi'],
    ['bad url ?api_key=verysecretvalue&x=1', 'verysecretvalue'],
    ['{"token": "topsecretvalue"}', 'topsecretvalue'],
  ])('holds no secret: %s', (text, secret) => {
    expect(excerpt(text)).not.toContain(secret);
    expect(excerpt(text)).toContain('[redacted]');
  });

  test('hides a configured value whatever it looks like', () => {
    expect(excerpt('you sent hunter22', ['hunter22'])).toBe('you sent [redacted]');
  });

  test('is bounded and on one line', () => {
    const text = excerpt(`first\n\n  second ${'x'.repeat(100_000)}`);
    expect(text).toMatch(/^first second x+…$/);
    expect(text.length).toBe(300);
  });

  test('leaves ordinary words alone', () => {
    expect(excerpt('the key is that max_tokens is too large')).toBe('the key is that max_tokens is too large');
  });
});

test.each([
  ['a key behind a scheme in a header', 'Incorrect key: mySecretKey1234'],
  ['a key that is broken over lines', 'Incorrect key: mySecret\nKey1234'],
  ['a key at the place where the text is cut', `${'x '.repeat(595)}mySecretKey1234`],
])('%s does not appear', (_what, text) => {
  const secrets = secretsOf({ headers: { authorization: 'Bearer mySecretKey1234' } });
  expect(excerpt(text, secrets).replace(/\s/g, '')).not.toContain('mySecret');
});
