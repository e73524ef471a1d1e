import type { CompletionJob, HealthSnapshot, JobOutcome, SnapshotMode, TargetHealth } from '#libs/contracts';
import { simulatorAdmin, SLACK_MS, uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { allAttempts, attemptsOf } from './guarantees.fixture.js';
import { startRouter, type RunningRouter } from './router.fixture.js';

// What jobs meet while a mode is in force, and when it changes, each through a whole router and the simulator. Health and mode are
// published by hand.

const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const HALF_OPEN: Partial<TargetHealth> = {
  breaker: 'half-open',
  available: false,
  healthy: false,
  reason: 'consecutive_failures',
};

let run: string;
let router: RunningRouter;
let publishing: NodeJS.Timeout | undefined;

beforeEach(async () => {
  run = uniquePrefix().replace(/\W/g, '');
  for (const model of ['relay', 'spare', 'direct'])
    await admin.createProvider(`${model}-${run}`, { models: { [model]: {} }, latency: { kind: 'fixed', ms: 20 } });
});

afterEach(async () => {
  clearInterval(publishing);
  await router.stop();
  for (const model of ['relay', 'spare', 'direct']) await admin.removeProvider(`${model}-${run}`);
});

interface Fleet {
  /** More YAML fields of the relay target. */
  relay?: string;
  /** More YAML fields of the direct target. */
  direct?: string;
  /** More YAML lines of targets. */
  spare?: string;
  /** YAML of `health.policy`. */
  policy?: string;
}

const target = (name: string, more: string) =>
  `  - { id: ${name}, provider: ${name}-${run}, model: ${name}, serves: [m], streaming: false, ${more} }`;

async function start({ relay = '', direct = '', spare = '', policy = '{}' }: Fleet = {}): Promise<void> {
  const provider = (name: string) =>
    `  ${name}-${run}: { kind: openai-compatible, baseUrl: '${admin.url}/${name}-${run}/v1' }`;
  const config = `
providers:
${['relay', 'spare', 'direct'].map(provider).join('\n')}
targets:
${target('relay', `mode: relay, ${relay}`)}
${target('direct', `mode: direct, ${direct}`)}
${spare}
modes: {}
health: { policy: ${policy} }
`;
  router = await startRouter(process.env.REDIS_URL!, config, { concurrency: 10 });
}

/** Publishes this health and mode now and each second, as a leading aggregator does; returns the first snapshot once the router has it. */
async function publish(
  current: string,
  health: Record<string, Partial<TargetHealth>> = {},
  more: Partial<SnapshotMode> = {},
): Promise<HealthSnapshot> {
  clearInterval(publishing);
  const mode = { current, ...more };
  const first = await router.publish(health, mode);
  publishing = setInterval(() => void router.publish(health, mode).catch(() => undefined), 1_000);
  await vi.waitFor(async () => {
    const status = (await (await fetch(`${router.url}/status`)).json()) as { snapshot: { version: number } };
    expect(status.snapshot.version).toBeGreaterThanOrEqual(first.version);
  });
  return first;
}

const ask = (job: Partial<CompletionJob> = {}): Promise<JobOutcome> =>
  router.run({ request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] }, ...job }, 20_000);

const callsTo = async (name: string) => (await admin.calls({ provider: `${name}-${run}` })).calls;
const mostAtOnce = (calls: readonly { at: number; latencyMs: number | null }[]) =>
  Math.max(...calls.map(({ at }) => calls.filter((one) => one.at <= at && at < one.at + (one.latencyMs ?? 0)).length));

describe('while the direct targets cannot be asked for a minute and the relay is on its way back', () => {
  test('after a 429 jobs are answered by the relay, one at a time, instead of waiting; its answers count as trials', async () => {
    await start();
    await publish('direct', { relay: HALF_OPEN });
    await admin.addFault({ provider: `direct-${run}`, fault: { kind: 'rate-limit', retryAfterSeconds: 60 } });
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => ask()));
    expect(outcomes.map((outcome) => attemptsOf(outcome).at(-1))).toEqual(outcomes.map(() => ['relay', 'success']));
    expect(mostAtOnce(await callsTo('relay'))).toBe(1);
    await vi.waitFor(async () => {
      const told = (await router.observations()).filter((one) => one.target === 'relay');
      expect(told.map(({ outcome, trial }) => [outcome, trial])).toEqual(outcomes.map(() => ['success', true]));
    });
  }, 60_000);

  test('over a limit that the fleet shares they are too, and without a failed attempt', async () => {
    await start({ direct: 'limits: { requestsPerMinute: 1 }' });
    await publish('direct', { relay: HALF_OPEN });
    expect(attemptsOf(await ask())).toEqual([['direct', 'success']]);
    for (let i = 0; i < 3; i++) expect(attemptsOf(await ask())).toEqual([['relay', 'success']]);
    expect(await callsTo('direct')).toHaveLength(1);
  }, 60_000);
});

describe('when the mode changes', () => {
  test('jobs that were parked under the old one are asked for within a second, where the new one lets somebody be asked', async () => {
    // Under this policy a minute is waited for, so that the jobs are parked.
    await start({ policy: '{ retryAfterWindowMs: 90000 }' });
    const health = { relay: HALF_OPEN, direct: { blockedUntil: Date.now() + 60_000 } };
    await publish('direct', health);
    const waiting = [ask(), ask()];
    await vi.waitFor(() => expect(router.logs.map(({ event }) => event)).toContain('llm.jobs.parked'), 10_000);
    expect(await callsTo('relay')).toHaveLength(0);
    const { at } = await publish('relay', health);
    const first = await Promise.race(waiting);
    expect(attemptsOf(first)).toEqual([['relay', 'success']]);
    expect(allAttempts(first)[0]!.startedAt - at).toBeLessThan(1_000 + SLACK_MS);
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(['completed', 'completed']);
  }, 60_000);

  test('back to the relay after an outage, jobs move over bit by bit; at the word of an operator, or of the job, at once', async () => {
    await start({ policy: '{ rampMs: 600000 }' });
    const served = async (count: number, job: Partial<CompletionJob> = {}) => {
      const targets = [];
      for (let i = 0; i < count; i++) targets.push(attemptsOf(await ask(job))[0]![0]);
      return targets.filter((id) => id === 'relay').length;
    };
    await publish('relay', {}, { reason: 'primary_recovered', changedAt: Date.now() });
    // A tenth of its weight, 1.4 times over, since the reserve fills in for what is missing.
    expect(await served(20)).toBeOneOf([2, 3, 4]);
    expect(await served(3, { routing: { mode: 'relay' } })).toBe(3);
    await publish('relay', {}, { reason: 'manual', changedAt: Date.now() });
    expect(await served(5)).toBe(5);
  }, 60_000);

  test('a job whose call is under way goes on by the new one', async () => {
    await start({ relay: 'timeoutMs: 2000', spare: target('spare', 'mode: relay, weight: 0.001') });
    await publish('relay');
    await admin.addFault({ provider: `relay-${run}`, fault: { kind: 'down', mode: 'hang' } });
    const job = ask();
    await vi.waitFor(async () => expect(await callsTo('relay')).toHaveLength(1), 10_000);
    await publish('direct');
    const outcome = await job;
    expect(attemptsOf(outcome)).toEqual([
      ['relay', 'timeout'],
      ['direct', 'success'],
    ]);
    expect(outcome).toMatchObject({ result: { understudy: { mode: 'direct' } } });
  }, 60_000);
});
