import type { HealthSnapshot, TargetHealth } from '#libs/contracts';
import { describe, expect, it } from 'vitest';
import { createPaint } from '../system/paint.js';
import { Tally } from '../traffic/tally.js';
import { ChangeWatch } from './change-watch.js';
import { changesOf, renderTargets } from './targets-table.js';

/** What the table reads of a record. */
const well = {
  target: 'anthropic/claude-sonnet-4',
  model: 'claude-sonnet-4',
  provider: 'anthropic',
  available: true,
  healthy: true,
  score: 92.8,
  weight: 2,
  routingWeight: 185.6,
  latencyMs: 120,
  successRate: 1,
  consecutiveFailures: 0,
  requests: 1,
  failures: 0,
  lastCheckAt: 1,
  errorMessage: null,
  evidence: null,
} as TargetHealth;

function content(...targets: Partial<TargetHealth>[]) {
  const snapshot = {
    epoch: 1,
    version: 1,
    at: 1,
    scoring: 'article',
    targets: targets.map((t) => ({ ...well, ...t })),
  };
  return {
    title: 'title',
    snapshot: snapshot as HealthSnapshot,
    shares: new Map([[well.target, 1]]),
    figures: new Tally().figures,
  };
}

describe('the table of targets', () => {
  const render = (...targets: Partial<TargetHealth>[]) => renderTargets(content(...targets), createPaint(false));

  it('names the states as the glossary does', () => {
    const sick = { available: false, healthy: false };
    const rows = render({}, { healthy: false }, sick, { lastCheckAt: null }).join('\n');
    expect(rows.match(/\b(healthy|unhealthy|unavailable|unknown)\b/g)).toEqual([
      'healthy',
      'unhealthy',
      'unavailable',
      'unknown',
    ]);
  });

  it('fits a terminal of 80 columns', () => {
    for (const row of render({ available: false })) expect(row.length).toBeLessThanOrEqual(80);
  });

  it('dims the score of a target that is unavailable', () => {
    const row = renderTargets(content({}, { available: false }), (style, text) => `<${style}>${text}`);
    expect(row.filter((text) => text.includes('<dim> 92.8'))).toHaveLength(1);
  });
});

describe('ChangeWatch', () => {
  it('asks for a line when a state changes, not when numbers move, and otherwise each 30 s', () => {
    const watch = new ChangeWatch();
    const isWorthALine = (at: number, target: Partial<TargetHealth>) =>
      watch.isWorthALine(changesOf(content(target)), at);
    expect(isWorthALine(0, {})).toBe(true);
    expect(isWorthALine(1_000, { score: 91, requests: 9 })).toBe(false);
    expect(isWorthALine(2_000, { available: false })).toBe(true);
    expect(isWorthALine(31_999, { available: false })).toBe(false);
    expect(isWorthALine(32_000, { available: false })).toBe(true);
  });
});
