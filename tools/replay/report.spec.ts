import { describe, expect, it } from 'vitest';
import type { JobReport } from '../traffic/send-job.js';
import { percentile, renderReport, ReplayReport } from './report.js';

const answered = (latencyMs: number, attempts = 1): JobReport => ({
  outcome: 'answered',
  latencyMs,
  target: 'openai/gpt-4',
  attempts,
  failedOver: attempts > 1,
  errorCode: undefined,
});

describe('percentile', () => {
  it('is a value that occurred', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    expect([0.5, 0.95, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([50, 95, 99, 100]);
    expect(percentile([7], 0.5)).toBe(7);
    expect(percentile([], 0.5)).toBe(0);
  });
});

describe('ReplayReport', () => {
  it('counts outcomes, calls per job and answers per target', () => {
    const report = new ReplayReport();
    const lost: JobReport = {
      outcome: 'lost',
      latencyMs: 9000,
      target: undefined,
      attempts: 0,
      failedOver: false,
      errorCode: 'result_timeout',
    };
    for (const job of [answered(10), answered(30), answered(20, 2), lost]) {
      report.sent();
      report.ended(job);
    }
    const figures = report.figures(0);
    expect(figures).toMatchObject({
      sent: 4,
      answered: 3,
      failedOver: 1,
      lost: 1,
      p50Ms: 20,
      slowestMs: 9000,
      errors: { result_timeout: 1 },
    });
    expect(figures.attemptsPerJob).toEqual({ 1: 2, 2: 1 });
    expect(figures.byTarget).toEqual({ 'openai/gpt-4': 3 });
  });

  it('says when it was behind schedule, and only then', () => {
    const figures = new ReplayReport().figures(0);
    expect(renderReport({ ...figures, worstLagMs: 1200 }).at(-1)).toContain('behind schedule by up to 1200 ms');
    expect(renderReport(figures).join('\n')).not.toContain('behind schedule');
  });
});
