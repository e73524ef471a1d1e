import type { TargetConfig } from '#libs/config';
import { expect, test } from 'vitest';
import { reservationFor } from './reserved-tokens.js';

const target = {} as TargetConfig;
const content = 'a'.repeat(40);

test('a chat completion reserves its prompt, and what may be answered', () => {
  const request = { model: 'm', messages: [{ role: 'user', content }], max_tokens: 5 };
  const prompt = reservationFor({ request }, target).prompt;
  expect(prompt).toBeGreaterThanOrEqual(10);
  expect(reservationFor({ request }, target).total).toBe(prompt + 5);
  expect(reservationFor({ request: { ...request, max_tokens: null } }, target).total).toBe(prompt + 1_000);
});

test('embeddings reserve what they read, and nothing for an answer', () => {
  const job = { operation: 'embeddings', request: { model: 'e', input: [content, content] } } as const;
  const asked = { ...job, request: { ...job.request, input: [...job.request.input] } };
  expect(reservationFor(asked, target)).toEqual({ prompt: 20, total: 20 });
});
