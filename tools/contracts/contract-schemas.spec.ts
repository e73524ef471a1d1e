import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SerializedError, UnderstudyError } from '#libs/contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { contractSchemas } from './contract-schemas.js';

const FOLDER = 'docs/contracts';
const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }], of_tomorrow: { kept: true } };
const error: SerializedError = new UnderstudyError('all_targets_failed', 'nobody', { jobId: 'j' }).toJSON();
const attempt = { number: 1, target: 'a/m', outcome: 'success', startedAt: 1, latencyMs: 2 };
const result = {
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'hi' } }],
  understudy: { jobId: 'j', target: 'a/m', attempts: [attempt], queueMs: 1, totalMs: 2 },
};

const job = { operation: 'embeddings', request: { model: 'm', input: ['hi', 'there'], of_tomorrow: { kept: true } } };
const vectors = { data: [{ object: 'embedding', index: 0, embedding: [0.1, 0.2] }], understudy: result.understudy };

/** Whether a document says yes to a value, read by itself as another language would read it. */
async function accepts(name: string, value: unknown): Promise<boolean> {
  const document = JSON.parse(
    await readFile(join(FOLDER, `${name}.schema.json`), 'utf8'),
  ) as z.core.JSONSchema.JSONSchema;
  return z.fromJSONSchema(document).safeParse(JSON.parse(JSON.stringify(value))).success;
}

describe('the JSON Schemas in docs/contracts', () => {
  it('are those of the code (npm run build:contracts writes them)', async () => {
    const schemas = contractSchemas();
    expect((await readdir(FOLDER)).toSorted()).toEqual([...schemas.keys()].toSorted());
    for (const [file, text] of schemas) expect(await readFile(join(FOLDER, file), 'utf8')).toBe(text);
  });

  it.each<[what: string, name: string, value: unknown, verdict: boolean]>([
    ['the smallest job', 'completion-job', { request }, true],
    [
      'a job with all its wishes',
      'completion-job',
      {
        request,
        routing: { pin: 'a/m' },
        priority: 'low',
        deadlineMs: 5,
        tenant: 't',
        replyTo: 'r',
        idempotencyKey: 'k',
        streaming: true,
      },
      true,
    ],
    ['a job that names its operation', 'completion-job', { operation: 'chat', request }, true],
    ['a job without messages', 'completion-job', { request: { model: 'm' } }, false],
    ['a job with an unknown field', 'completion-job', { request, prioritty: 'low' }, false],
    ['a job of an unknown urgency', 'completion-job', { request, priority: 1 }, false],
    ['a job of the other kind', 'completion-job', job, false],
    ['texts to embed', 'embeddings-job', job, true],
    ['a text to embed', 'embeddings-job', { ...job, request: { model: 'm', input: 'hi' } }, true],
    ['tokens to embed', 'embeddings-job', { ...job, request: { model: 'm', input: [[1, 2], [3]] } }, true],
    ['nothing to embed', 'embeddings-job', { ...job, request: { model: 'm', input: [] } }, false],
    ['2,049 texts', 'embeddings-job', { ...job, request: { model: 'm', input: Array(2_049).fill('a') } }, false],
    ['embeddings that are not called so', 'embeddings-job', { request: job.request }, false],
    ['embeddings that are to be streamed', 'embeddings-job', { ...job, streaming: true }, false],
    ['an answer', 'job-outcome', { status: 'completed', result }, true],
    ['vectors', 'job-outcome', { status: 'completed', result: vectors }, true],
    ['an answer as it lies in Redis', 'job-outcome', { commit: 'token', status: 'completed', result }, true],
    ['a failure', 'job-outcome', { status: 'failed', error }, true],
    ['an answer without a result', 'job-outcome', { status: 'completed' }, false],
    ['an error', 'error', error, true],
    ['an error of an unknown code', 'error', { ...error, code: 'oops' }, false],
  ])('say rightly about %s', async (_what, name, value, verdict) => {
    expect(await accepts(name, value)).toBe(verdict);
  });
});
