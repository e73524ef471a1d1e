import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY as policy } from '#libs/health-core';
import { EpisodeTracker } from './episode-tracker.js';
import { mergeOverlaps, type Incident } from './incidents.js';
import { adaptiveRulesWith } from './rules/adaptive.js';
import type { SimulatedJob } from './routing-rules.js';
import { RunRecorder } from './run-recorder.js';
import { ShareTimeline } from './share-timeline.js';
import { simulate } from './simulation.js';
import { simulatedTargets } from './targets.js';
import { World } from './world.js';

const START = Date.UTC(2024, 0, 1);
const END = START + 600_000;
const TARGETS = simulatedTargets(false);

const HANG_MS = Math.max(...TARGETS.map(({ timeoutMs }) => timeoutMs));
/**
 * When somebody is well for so long without a break, every job that is there ends. One piece of bad luck after the other: a call
 * began just before and hangs until its timeout; the next goes to the one that is still ill, and hangs as well; then, while fresh
 * probes still speak against all, a router has just made its rare real attempt at the one that is well, and makes the next a gap
 * later; the job sleeps just then, as long as a parked job does; and its call takes no longer than a job's last chance is given.
 */
const WELL_FOR_MS =
  2 * HANG_MS + policy.panicGapProbedMs + policy.parkMaxMs * (1 + policy.parkJitter) + policy.minRemainingMs;

interface Span {
  fromMs: number;
  toMs: number;
}

/** Remembers from when to when each job was under way. */
class JobSpans extends RunRecorder {
  readonly spans: Span[] = [];

  override ended(job: SimulatedJob, how: 'answered' | 'gave-up' | 'deadline', now: number): void {
    super.ended(job, how, now);
    this.spans.push({ fromMs: job.arrivedAtMs, toMs: now });
  }
}

interface Schedule {
  incidents: Incident[];
  /** Neither observations nor snapshots pass: the aggregator is dead, or Redis away. */
  noHealth: Span;
  /** No probe is made. */
  noProber: Span;
  arrivals: number[];
  deadlineMs: number;
  seed: number;
}

/** What became of the jobs, through the real core with two routers on a virtual clock. */
function play({ incidents, noHealth, noProber, arrivals, deadlineMs, seed }: Schedule) {
  const timeline = new ShareTimeline(TARGETS.length, START, END, 1);
  const recorder = new JobSpans(TARGETS, timeline, new EpisodeTracker(TARGETS, incidents, START, END));
  simulate({
    world: new World(TARGETS, incidents, seed),
    arrivals: arrivals
      .map((atMs, number) => ({ number, atMs: START + atMs, contextTokens: 200, generatedTokens: 50 }))
      .values(),
    rules: (surroundings) =>
      adaptiveRulesWith({ absence: noHealth })({
        ...surroundings,
        probe: (target, ended) => {
          const { now } = surroundings.events;
          if (now < noProber.fromMs || now >= noProber.toMs) surroundings.probe(target, ended);
        },
      }),
    recorder,
    fromMs: START,
    deadlineMs,
    seed,
  });
  return { figures: recorder.figures(), spans: recorder.spans };
}

/** How long some provider had been well without a break when the job ended, as far back as its arrival. */
function wellForMs({ fromMs, toMs }: Span, incidents: readonly Incident[]): number {
  const since = TARGETS.map(({ provider }) => {
    const own = incidents.filter((one) => one.provider === provider && one.startMs < toMs);
    return Math.max(fromMs, ...own.map(({ endMs }) => endMs));
  });
  return Math.max(0, toMs - Math.min(...since));
}

const span = (longestMs: number) =>
  fc
    .tuple(fc.nat(480_000), fc.nat(longestMs))
    .map(([fromMs, forMs]): Span => ({ fromMs: START + fromMs, toMs: START + fromMs + forMs }));
const troubles = (maxLength: number, longestMs: number) =>
  fc.array(fc.tuple(span(longestMs), fc.constantFrom(1, 2, 4, 4)), { maxLength });
/** What befalls each provider alone, and what befalls both: a target that flaps while nobody else is there is ejected for ever longer. */
const incidents = fc
  .tuple(troubles(4, 240_000), troubles(4, 240_000), troubles(2, 480_000))
  .map(([openai, anthropic, both]) =>
    [
      { provider: 'openai', list: [...openai, ...both] },
      { provider: 'anthropic', list: [...anthropic, ...both] },
    ].flatMap(({ provider, list }) =>
      mergeOverlaps(
        list
          .filter(([{ fromMs, toMs }]) => toMs > fromMs)
          .map(([{ fromMs, toMs }, impact]) => ({ provider, startMs: fromMs, endMs: toMs, impact })),
      ),
    ),
  );
const schedule: fc.Arbitrary<Schedule> = fc.record({
  incidents,
  noHealth: span(120_000),
  noProber: span(240_000),
  arrivals: fc.array(fc.nat(540_000), { minLength: 10, maxLength: 40 }).map((list) => list.toSorted((a, b) => a - b)),
  deadlineMs: fc.constantFrom(20_000, 60_000, 180_000, 600_000),
  seed: fc.nat(1_000_000),
});

describe('whatever fails when', () => {
  it('every job is answered or waits to its deadline, and none is left waiting when somebody has been well for a while', () => {
    let parked = 0;
    fc.assert(
      fc.property(schedule, (plan) => {
        const { figures, spans } = play(plan);
        expect(figures).toMatchObject({ jobs: plan.arrivals.length, gaveUp: 0, lost: 0 });
        parked += figures.answeredAfterParking;
        for (const job of spans) expect(wellForMs(job, plan.incidents)).toBeLessThan(WELL_FOR_MS);
      }),
      { numRuns: 1_000 },
    );
    // If nobody had to wait, nothing would be proven.
    expect(parked).toBeGreaterThan(300);
  }, 180_000);
});
