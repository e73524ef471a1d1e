import { simulatorAdmin, uniquePrefix } from '#libs/testing';
import { afterEach, expect, test } from 'vitest';
import { allAttempts } from './guarantees.fixture.js';
import { type RunningRouter, startRouter } from './router.fixture.js';

/** Targets that name each other as fallbacks, and all of them fail: what one job may cost is bounded. */
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const run = uniquePrefix().replace(/\W/g, '');
const [a, b] = [`cycle-a-${run}`, `cycle-b-${run}`];
let router: RunningRouter;

async function start(jobs: string) {
  for (const provider of [a, b]) {
    await admin.createProvider(provider, { latency: { kind: 'fixed', ms: 1 } });
    await admin.clearCalls(provider);
  }
  router = await startRouter(
    process.env.REDIS_URL!,
    `
providers:
  ${a}: { kind: openai-compatible, baseUrl: '${admin.url}/${a}/v1' }
  ${b}: { kind: openai-compatible, baseUrl: '${admin.url}/${b}/v1' }
targets:
  - { id: a, provider: ${a}, model: m, fallbacks: [b] }
  - { id: b, provider: ${b}, model: other, fallbacks: [a] }
aliases: { first: m }
jobs: ${jobs}
`,
  );
}

afterEach(async () => {
  await router?.stop();
  await Promise.all([a, b].map((provider) => admin.removeProvider(provider)));
});

const callCount = async () => (await admin.calls({ provider: a })).total + (await admin.calls({ provider: b })).total;

test('G51 a cycle of fallbacks that all fail: each target at most once per pass, and no more calls than the budget', async () => {
  await start('{ maxAttempts: 5 }');
  for (const provider of [a, b]) await admin.addFault({ provider, fault: { kind: 'status', status: 500 } });
  const outcome = await router.run({ request: { model: 'first', messages: [{ role: 'user', content: 'x' }] } }, 60_000);
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'all_targets_failed' } });
  const attempts = allAttempts(outcome);
  expect(attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  expect(await callCount()).toBe(5);
  // Two targets: every second call is at the other one, whatever pass it belongs to.
  expect(new Set(attempts.slice(0, 2).map(({ target }) => target)).size).toBe(2);
  expect(new Set(attempts.slice(2, 4).map(({ target }) => target)).size).toBe(2);
  // One line per failover and one per end, not one per retry of something internal.
  const lines = router.logs.filter((line) => line['job_id'] !== undefined);
  expect(lines.length).toBeLessThanOrEqual(12);
  expect(JSON.stringify(lines).length).toBeLessThan(10_000);
}, 90_000);

test('G51 a local fault that no failover mends ends the job at once', async () => {
  await start('{ maxAttempts: 5 }');
  const routing = { fallbacks: ['a', 'b', 'a'] };
  for (const provider of [a, b])
    await admin.addFault({ provider, fault: { kind: 'status', status: 400, message: 'no' } });
  const outcome = await router.run({ request: { model: 'm', messages: [{ role: 'user', content: 'x' }] }, routing });
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'request_rejected' } });
  expect(await callCount()).toBe(1);
});
