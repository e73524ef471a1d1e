import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { playLoop, PROPAGATION_MS, type LoopRecord } from './closed-loop.fixture.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { uniform } from './uniform.fixture.js';

const RUNS = { numRuns: 1_000 };
/** A thousand loops take ten seconds of work, and a machine may have several times as much else to do. */
const LIMIT_MS = 240_000;
const fleet = {
  weights: fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 5 }),
  routers: fc.integer({ min: 1, max: 4 }),
  latencyMs: fc.integer({ min: 5, max: 150 }),
  downFromMs: fc.integer({ min: 0, max: 3_000 }),
  draw: fc.integer().map(uniform),
};
const span = (min: number, max: number) => fc.integer({ min, max });

/**
 * A target that failed at most four times in a row was not ejected: its evidence stays. With a probe each second 28 good ones end the
 * doubt (estimate 0.93, score 80, three quarters of the weight); the first comes within a second, and the last has to get round.
 */
const OUT_OF_DOUBT_MS = (28 + 1) * policy.probeDoubtMs + 1_000 + 2 * PROPAGATION_MS;

describe('the closed loop of routers, probes and health', () => {
  test(
    'a target that fails every call gets no first attempt but trials from five outcomes and their way on',
    () => {
      const plan = fc.record({
        ...fleet,
        jobEveryMs: span(50, 200),
        probeEveryMs: fc.constantFrom(null, 10_000, 30_000),
      });
      let opened = 0;
      fc.assert(
        fc.property(plan, span(3_000, 12_000), (loop, downForMs) => {
          const downToMs = loop.downFromMs + downForMs;
          const isOver = (_: LoopRecord, nowMs: number) => nowMs > downToMs;
          const { first, failedAt } = playLoop({ ...loop, downToMs, isOver });
          const fifth = failedAt[policy.consecutiveToOpen - 1];
          if (fifth === undefined) return;
          opened++;
          const knownFrom = fifth + PROPAGATION_MS;
          const late = first.filter(({ atMs, target, kind }) => target === 0 && kind !== 'trial' && atMs > knownFrom);
          expect(late).toEqual([]);
        }),
        RUNS,
      );
      // A loop in which nothing ever opens would prove nothing.
      expect(opened).toBeGreaterThan(RUNS.numRuns / 2);
    },
    LIMIT_MS,
  );

  test.each(['server_error', 'connection'] as const)(
    'G37 one target and a fallback chain, an outage of 60 s (%s), a request every 4 s: it is asked at most four times',
    (downAs) => {
      const plan = fc.record({
        ...fleet,
        weights: fc.constant([1, 1]),
        routers: span(1, 2),
        downFromMs: span(0, 8_000),
        jobEveryMs: fc.constant(4_000),
        probeEveryMs: fc.constantFrom(10_000, 30_000),
      });
      fc.assert(
        fc.property(plan, (loop) => {
          const downToMs = loop.downFromMs + 60_000;
          const isOver = (_: LoopRecord, nowMs: number) => nowMs > downToMs;
          const { askedAt } = playLoop({ ...loop, downAs, isChain: true, downToMs, isOver });
          const asked = askedAt.filter((atMs) => atMs >= loop.downFromMs);
          expect(asked.length).toBeGreaterThan(0);
          expect(asked.length).toBeLessThanOrEqual(4);
        }),
        RUNS,
      );
    },
    LIMIT_MS,
  );

  test(
    'a target has four fifths of its share 30 s after its ejection and last failure, three quarters if it was not ejected',
    () => {
      const plan = fc.record({ ...fleet, jobEveryMs: span(250, 500), probeEveryMs: fc.constantFrom(10_000, 30_000) });
      let opened = 0;
      fc.assert(
        fc.property(plan, span(5_000, 40_000), (loop, downForMs) => {
          const downToMs = loop.downFromMs + downForMs;
          const quietFrom = ({ failedAt, openUntilMs }: LoopRecord) =>
            Math.max(downToMs, failedAt.at(-1) ?? 0, openUntilMs);
          const isOver = (record: LoopRecord, nowMs: number) => nowMs > quietFrom(record) + 36_000;
          const record = playLoop({ ...loop, downToMs, isOver });
          if (record.wasOpen) opened++;
          const usual = (loop.weights[0] ?? 0) / loop.weights.reduce((sum, weight) => sum + weight, 0);
          const from = Math.max(record.failedAt.at(-1) ?? 0, record.openUntilMs);
          const back = record.first.findLast(({ sickShare }) => sickShare < (record.wasOpen ? 0.8 : 0.75) * usual);
          expect((back?.atMs ?? 0) - from).toBeLessThan(record.wasOpen ? 30_000 : OUT_OF_DOUBT_MS);
        }),
        RUNS,
      );
      expect(opened).toBeGreaterThan(RUNS.numRuns / 2);
    },
    LIMIT_MS,
  );
});
