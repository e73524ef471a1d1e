import type { Attempt } from '#libs/contracts';
import type { JobProgress } from '#libs/queue';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CallRecord } from './call-record.js';

const call = (number: number) => ({ number, target: 't', startedAt: number });
const attempt = (number: number, outcome: Attempt['outcome'] = 'timeout'): Attempt => ({
  ...call(number),
  outcome,
  latencyMs: 1,
});

function startRecord() {
  const written: JobProgress[] = [];
  const write = async (progress: JobProgress) => void written.push(progress);
  return { written, record: new CallRecord({ attempts: [], parkings: 0, firstStartedAt: 0 }, write) };
}

test('a call is written down before it is made', () => {
  const { written, record } = startRecord();
  record.starting(call(1));
  expect(written).toMatchObject([{ attempts: [], inFlight: call(1) }]);
});

test('a failed call is written down together with the next one, in one go', async () => {
  const { written, record } = startRecord();
  record.starting(call(1));
  record.ended(attempt(1));
  record.starting(call(2));
  await turn();
  expect(written.slice(1)).toMatchObject([{ attempts: [attempt(1)], inFlight: call(2) }]);
});

test('a failed call is written down by itself when no other follows at once', async () => {
  const { written, record } = startRecord();
  record.starting(call(1));
  record.ended(attempt(1));
  await turn();
  expect(written).toHaveLength(2);
  expect(written[1]).toEqual({ attempts: [attempt(1)], parkings: 0, firstStartedAt: 0 });
});

test('an answer is written down by nobody: its result is committed instead', async () => {
  const { written, record } = startRecord();
  record.starting(call(1));
  record.ended(attempt(1, 'success'));
  await turn();
  expect(written).toHaveLength(1);
});

test('the last word of a run is written once, and nothing after it', async () => {
  const { written, record } = startRecord();
  record.starting(call(1));
  record.ended(attempt(1));
  await record.keep({ parkings: 1 });
  await turn();
  expect(written).toHaveLength(2);
  expect(written[1]).toEqual({ attempts: [attempt(1)], parkings: 1, firstStartedAt: 0 });
});

test('a record that cannot be written does not stop the job', async () => {
  const record = new CallRecord({ attempts: [], parkings: 0, firstStartedAt: 0 }, () => Promise.reject(new Error('x')));
  record.starting(call(1));
  await turn();
  expect(record.progress.inFlight).toEqual(call(1));
});
