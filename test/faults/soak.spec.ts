import { expect, onTestFailed, test } from 'vitest';
import { renderReport } from '../../tools/soak/report.js';
import { runSoak } from '../../tools/soak/run-soak.js';

/** The quick form of `npm run test:soak`: real processes, killed at random while jobs flow; Redis crashes among them. */
const OPTIONS = { jobs: 400, rate: 25, routers: 2, aggregators: 2, chaosEveryMs: 3_000, deadlineMs: 90_000 };

test('G49 P1 routers, aggregators and Redis are killed at random: every job has exactly one final word, and it is its answer', async () => {
  const stop = new AbortController();
  const lines: string[] = [];
  const report = await runSoak(
    // This seed kills a router first, and Redis soon.
    { ...OPTIONS, seed: 4, jsonFile: undefined },
    { onProgress: (line) => lines.push(line), signal: stop.signal },
  );
  onTestFailed(() => console.log([...lines, ...renderReport(report)].join('\n')));
  expect(report).toMatchObject({ jobs: 400, answered: 400, lost: 0, duplicated: 0, late: 0, failed: 0 });
  expect(report.blows.router).toBeGreaterThan(0);
  expect(report.blows.redis).toBeGreaterThan(0);
  // Each kill repeats the calls that were under way, and one call in thirty fails.
  expect(report.providerCalls).toBeLessThanOrEqual(400 * 1.3);
}, 180_000);
