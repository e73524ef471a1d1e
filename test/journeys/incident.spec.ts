import { CompletionClient } from '#libs/client';
import type { CompletionResult, HealthSnapshot, TargetHealth } from '#libs/contracts';
import { SnapshotFeed } from '#libs/store';
import { simulatorAdmin, type Stack, startStack, SLACK_MS } from '#libs/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { replayIncident } from './incident.fixture.js';

/**
 * One incident, from the first failure to full traffic again, through real processes and Redis, with the times of the health policy
 * made short. It is the story that the replay of real outages tells: detect, avoid, try, return by degrees.
 */
const admin = simulatorAdmin(process.env.SIMULATOR_URL!);
const run = `incident-${process.pid}`;
const [hit, spared] = [`${run}-hit`, `${run}-spared`];
const HIT = `${hit}/m`;
const RAMP_MS = 4_000;
/** Long enough that what a busy machine adds is little beside it: latency counts relative to the usual. */
const LATENCY_MS = 150;
const PROBE_INTERVAL_MS = 1_000;
const POLICY = {
  openBaseMs: 1_000,
  openMaxMs: 4_000,
  rampMs: RAMP_MS,
  trialGapMs: 300,
  probeOpenMs: 400,
  probeOpenMaxMs: 800,
  probeConfirmMs: 200,
};
const CONFIG = `
providers:
  ${hit}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${hit}/v1' }
  ${spared}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${spared}/v1' }
targets:
  - { provider: ${hit}, model: m, serves: [both], timeoutMs: 2000, expectedLatencyMs: ${LATENCY_MS}, expectedProbeMs: ${LATENCY_MS} }
  - { provider: ${spared}, model: m, serves: [both], timeoutMs: 2000, expectedLatencyMs: ${LATENCY_MS}, expectedProbeMs: ${LATENCY_MS} }
probes: { intervalMs: ${PROBE_INTERVAL_MS} }
health:
  policy:
    ${JSON.stringify(POLICY)}
`;
const JOB_EVERY_MS = 40;
/** Time in which every router has read the news. */
const SETTLE_MS = 1_000;

interface SentJob {
  sentAt: number;
  answer: Promise<CompletionResult>;
}

let stack: Stack;
let client: CompletionClient;
let feed: SnapshotFeed;
let traffic: NodeJS.Timeout;
const sent: SentJob[] = [];
/** Breaker of the hit target in every snapshot, as it changed. */
const phases: { breaker: TargetHealth['breaker']; at: number }[] = [];

const record = ({ targets }: HealthSnapshot) => {
  const breaker = targets.find(({ target }) => target === HIT)?.breaker;
  if (breaker && phases.at(-1)?.breaker !== breaker) phases.push({ breaker, at: Date.now() });
};
const untilPhase = (breaker: string, since: number) =>
  vi.waitFor(
    () => {
      const phase = phases.find((one) => one.breaker === breaker && one.at >= since);
      if (!phase) throw new Error(`no phase "${breaker}" among ${JSON.stringify(phases)}`);
      return phase.at;
    },
    { timeout: 20_000, interval: 20 },
  );
/** Of the jobs sent in a span of time, the share whose first attempt went to the hit target. */
async function firstAttemptShare(from: number, to: number): Promise<number> {
  const jobs = sent.filter(({ sentAt }) => sentAt >= from && sentAt < to);
  const answers = await Promise.all(jobs.map(({ answer }) => answer));
  return answers.filter(({ understudy }) => understudy.attempts[0]?.target === HIT).length / answers.length;
}
const untilTime = (at: number) =>
  vi.waitFor(() => expect(Date.now()).toBeGreaterThanOrEqual(at), { timeout: 20_000, interval: 20 });

beforeAll(async () => {
  for (const provider of [hit, spared])
    await admin.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: LATENCY_MS } });
  stack = await startStack({ config: CONFIG, apps: { prober: 1, aggregator: 1, router: 2 } });
  client = new CompletionClient({ redisUrl: stack.redisUrl, prefix: stack.prefix });
  feed = new SnapshotFeed({ redisUrl: stack.redisUrl, prefix: stack.prefix });
  feed.onChange(record);
  feed.start();
  await untilPhase('closed', 0);
  traffic = setInterval(() => {
    const answer = client.complete(
      { model: 'both', messages: [{ role: 'user', content: 'hi' }] },
      { timeoutMs: 20_000 },
    );
    // Looked at later; a refusal must not end the process before.
    answer.catch(() => undefined);
    sent.push({ sentAt: Date.now(), answer });
  }, JOB_EVERY_MS);
});

afterAll(async () => {
  clearInterval(traffic);
  await Promise.allSettled(sent.map(({ answer }) => answer));
  await feed?.close();
  await client?.close();
  await stack?.stop();
});

describe('an incident', () => {
  const at = { begun: 0, failed: 0, opened: 0, revived: 0, closed: 0 };

  test('is preceded by shares as configured', async () => {
    at.begun = Date.now();
    await untilTime(at.begun + 2_000);
    expect(await firstAttemptShare(at.begun, Date.now())).toBeGreaterThan(0.4);
    expect(await firstAttemptShare(at.begun, Date.now())).toBeLessThan(0.6);
  });

  test('is detected within a second of the first failure, and told to every router', async () => {
    at.failed = Date.now();
    await admin.kill(hit);
    at.opened = await untilPhase('open', at.failed);
    expect(at.opened - at.failed).toBeLessThan(1_000 + SLACK_MS);
  });

  test('is avoided: from a moment later on no job begins at the sick target', async () => {
    await untilTime(at.opened + 4_000);
    // Jobs that were sent just before the news may have been decided on just after it.
    expect(await firstAttemptShare(at.opened + SETTLE_MS, at.opened + 4_000)).toBe(0);
    expect(phases.at(-1)?.breaker).toBe('open');
  });

  test('ends with trials, then by degrees, until the shares are as before', async () => {
    at.revived = Date.now();
    await admin.revive(hit);
    const triedAt = await untilPhase('half-open', at.revived);
    at.closed = await untilPhase('closed', triedAt);
    expect(at.closed - at.revived).toBeLessThan(10_000);
    await untilTime(at.closed + 2 * RAMP_MS);
    const first = await firstAttemptShare(at.closed, at.closed + RAMP_MS / 4);
    const last = await firstAttemptShare(at.closed + 1.2 * RAMP_MS, at.closed + 2 * RAMP_MS);
    expect(first).toBeLessThan(0.35);
    expect(last).toBeGreaterThan(0.4);
  }, 40_000);

  test('costs no job: every one has exactly one answer, and few took more than one attempt', async () => {
    clearInterval(traffic);
    const answers = await Promise.all(sent.map(({ answer }) => answer));
    expect(new Set(answers.map(({ understudy }) => understudy.jobId)).size).toBe(sent.length);
    const failedOver = answers.filter(({ understudy }) => understudy.attempts.length > 1).length;
    expect(failedOver).toBeGreaterThan(0);
    expect(failedOver / answers.length).toBeLessThan(0.05);
  });

  test('is told by the phases of one breaker, in order, without flapping', () => {
    expect(phases.map(({ breaker }) => breaker)).toEqual(['closed', 'open', 'half-open', 'closed']);
  });

  test('goes as the replay of outages says that it goes', async () => {
    const t0 = at.begun;
    const replayed = replayIncident({
      failedMs: at.failed - t0,
      revivedMs: at.revived - t0,
      endMs: at.closed + 3 * RAMP_MS - t0,
      jobEveryMs: JOB_EVERY_MS,
      latencyMs: LATENCY_MS,
      probeIntervalMs: PROBE_INTERVAL_MS,
      policy: POLICY,
    });
    expect(replayed.phases.map(({ breaker }) => breaker)).toEqual(phases.map(({ breaker }) => breaker));

    const timeOf = (breaker: string, sinceMs: number) =>
      replayed.phases.find((phase) => phase.breaker === breaker && phase.atMs >= sinceMs)?.atMs ?? Infinity;
    const [openedMs, triedMs] = [timeOf('open', at.failed - t0), timeOf('half-open', at.revived - t0)];
    const closedMs = timeOf('closed', triedMs);
    // A snapshot may be a heartbeat late and a probe an interval off; and processes wait for a busy machine.
    const toleranceMs = 1_000 + PROBE_INTERVAL_MS + SLACK_MS;
    const near = (livedMs: number, replayedMs: number) =>
      expect(Math.abs(livedMs - replayedMs)).toBeLessThan(toleranceMs);
    const liveTriedAt =
      phases.find(({ breaker, at: since }) => breaker === 'half-open' && since >= at.revived)?.at ?? 0;
    near(at.opened - t0, openedMs);
    near(liveTriedAt - t0, triedMs);
    near(at.closed - t0, closedMs);

    // Of the jobs before, while it was avoided, at the start of its ramp and after it. A hundred jobs and less are in a span.
    const spans = (openedAt: number, closedAt: number, revivedAt: number): [number, number][] => [
      [0, at.failed - t0],
      [openedAt + SETTLE_MS, revivedAt],
      [closedAt, closedAt + RAMP_MS / 4],
      [closedAt + 1.2 * RAMP_MS, closedAt + 2 * RAMP_MS - 2 * JOB_EVERY_MS],
    ];
    const lived = spans(at.opened - t0, at.closed - t0, at.revived - t0);
    for (const [i, [fromMs, toMs]] of spans(openedMs, closedMs, at.revived - t0).entries()) {
      const [liveFrom, liveTo] = lived[i] ?? [0, 0];
      const share = replayed.shareOf(fromMs, toMs);
      expect(Math.abs((await firstAttemptShare(t0 + liveFrom, t0 + liveTo)) - share)).toBeLessThan(0.2);
    }
  });
});
