import { afterEach, expect, test } from 'vitest';
import { allAttempts, type Pair, startPair } from './guarantees.fixture.js';

/** What a job learned about itself holds after a wait: whoever cannot take the request is not asked again. */
const URLS = { redisUrl: process.env.REDIS_URL!, simulatorUrl: process.env.SIMULATOR_URL! };
let pair: Pair;
afterEach(() => pair?.stop());

const afterAWait = async (first: string, more: string, fault: Parameters<Pair['fault']>[0]) => {
  pair = await startPair(URLS, { first, more });
  await pair.fault(fault);
  await pair.faultOfSecond({ kind: 'status', status: 503 });
  const outcome = pair.run({});
  await expect.poll(async () => (await pair.callsToSecond()).length).toBeGreaterThan(1);
  await pair.reviveSecond();
  return outcome;
};

test('G15 too long a context, and everybody with a larger window is down: they are waited for, the first is asked once', async () => {
  const outcome = await afterAWait('contextFallbacks: [two]', '', {
    kind: 'status',
    status: 400,
    code: 'context_length_exceeded',
  });
  expect(outcome).toMatchObject({ status: 'completed', result: { understudy: { target: 'two' } } });
  expect(allAttempts(outcome).filter(({ target }) => target === 'one')).toHaveLength(1);
  expect(await pair.callsToFirst()).toHaveLength(1);
});

test('G16 a filter that objects, and everybody who is asked instead is down: the same', async () => {
  await afterAWait('refusalFallbacks: [two]', '', {
    kind: 'status',
    status: 400,
    message: 'Output blocked by content filtering policy',
  });
  expect(await pair.callsToFirst()).toHaveLength(1);
});

test.each([
  ['a request that is too large', 413, 'too_large'],
  ['a bad request', 400, 'bad_request'],
])('%s that goes on by configuration: the same', async (_what, status, failure) => {
  await afterAWait('', `jobs: { failoverOn: [${failure}] }`, { kind: 'status', status });
  expect(await pair.callsToFirst()).toHaveLength(1);
});

test('a parameter that a model does not know, and the other model is down: the same', async () => {
  await afterAWait('', '', { kind: 'status', status: 400, code: 'unsupported_parameter' });
  expect(await pair.callsToFirst()).toHaveLength(1);
});

test('with nobody left who could come back, the job ends with the fault that was found first', async () => {
  pair = await startPair(URLS, { first: 'contextFallbacks: [two]' });
  await pair.fault({ kind: 'status', status: 400, code: 'context_length_exceeded', message: 'too long by far' });
  await pair.faultOfSecond({ kind: 'status', status: 503 });
  const outcome = pair.run({});
  await expect.poll(async () => (await pair.callsToSecond()).length).toBeGreaterThan(0);
  await pair.reviveSecond();
  await pair.faultOfSecond({ kind: 'status', status: 401 });
  expect(await outcome).toMatchObject({
    status: 'failed',
    error: { code: 'request_rejected', message: expect.stringMatching(/^one rejected .*too long by far/) as string },
  });
  expect(await pair.callsToFirst()).toHaveLength(1);
});
