import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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

/**
 * However bad its luck, a job gets its answer when somebody has been well for so long: one call may have begun just before and hang
 * for 30 s until its timeout; nobody is asked again for 30 s, while probes speak against it; and by then the job may sleep for 10 s.
 */
const WELL_FOR_MS = 75_000;

interface Span {
  fromMs: number;
  toMs: number;
}
interface MissedJob {
  arrivedAtMs: number;
  deadlineAtMs: number;
}

/** Remembers which jobs were not answered in time. */
class MissedJobs extends RunRecorder {
  readonly missed: MissedJob[] = [];

  override ended(job: SimulatedJob, how: 'answered' | 'gave-up' | 'deadline', now: number): void {
    super.ended(job, how, now);
    if (how !== 'answered') this.missed.push(job);
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
  const recorder = new MissedJobs(TARGETS, timeline, new EpisodeTracker(TARGETS, incidents, START, END));
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
  return { figures: recorder.figures(), missed: recorder.missed };
}

/** How long some provider had been well without a break when the job's time was over, as far back as its arrival. */
function wellForMs({ arrivedAtMs, deadlineAtMs }: MissedJob, incidents: readonly Incident[]): number {
  const since = TARGETS.map(({ provider }) => {
    const own = incidents.filter((one) => one.provider === provider && one.startMs < deadlineAtMs);
    return Math.max(arrivedAtMs, ...own.map(({ endMs }) => endMs));
  });
  return Math.max(0, deadlineAtMs - Math.min(...since));
}

const span = (longestMs: number) =>
  fc
    .tuple(fc.nat(480_000), fc.nat(longestMs))
    .map(([fromMs, forMs]): Span => ({ fromMs: START + fromMs, toMs: START + fromMs + forMs }));
const incidentsOf = (provider: string) =>
  fc
    .array(fc.tuple(span(240_000), fc.constantFrom(1, 2, 4, 4)), { maxLength: 4 })
    .map((list) =>
      mergeOverlaps(
        list
          .filter(([{ fromMs, toMs }]) => toMs > fromMs)
          .map(([{ fromMs, toMs }, impact]) => ({ provider, startMs: fromMs, endMs: toMs, impact })),
      ),
    );
const schedule: fc.Arbitrary<Schedule> = fc.record({
  incidents: fc.tuple(incidentsOf('openai'), incidentsOf('anthropic')).map((both) => both.flat()),
  noHealth: span(120_000),
  noProber: span(240_000),
  arrivals: fc.array(fc.nat(540_000), { minLength: 10, maxLength: 40 }).map((list) => list.toSorted((a, b) => a - b)),
  deadlineMs: fc.constantFrom(20_000, 60_000, 180_000, 600_000),
  seed: fc.nat(1_000_000),
});

describe('whatever fails when', () => {
  it('every job is answered or waits to its deadline, and none misses it when somebody has been well for a while', () => {
    let parked = 0;
    fc.assert(
      fc.property(schedule, (plan) => {
        const { figures, missed } = play(plan);
        expect(figures).toMatchObject({ jobs: plan.arrivals.length, gaveUp: 0, lost: 0 });
        parked += figures.answeredAfterParking;
        for (const job of missed) expect(wellForMs(job, plan.incidents)).toBeLessThan(WELL_FOR_MS);
      }),
      { numRuns: 1_000 },
    );
    // If nobody had to wait, nothing would be proven.
    expect(parked).toBeGreaterThan(300);
  }, 60_000);
});
