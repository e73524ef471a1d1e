import { describe, expect, it } from 'vitest';
import { Ledger, type SeenOutcome } from './ledger.js';

const answer = (commit: string, more: Partial<SeenOutcome> = {}): SeenOutcome => ({
  commit,
  status: 'completed',
  code: undefined,
  attempts: 1,
  lostCalls: 0,
  ...more,
});

describe('the books of a soak run', () => {
  it('count a job without a final word as lost', () => {
    const ledger = new Ledger(1_000);
    ledger.handedIn('a', 0);
    ledger.handedIn('b', 0);
    ledger.saw('a', answer('1'), 10);
    expect(ledger.pending).toEqual(['b']);
    expect(ledger.figures()).toMatchObject({ jobs: 2, answered: 1, lost: 1, duplicated: 0 });
  });

  it('count a final word that changed as duplicated, and the same one seen again as nothing', () => {
    const ledger = new Ledger(1_000);
    ledger.handedIn('a', 0);
    ledger.saw('a', answer('1'), 10);
    ledger.saw('a', answer('1'), 20);
    expect(ledger.figures().duplicated).toBe(0);
    ledger.saw('a', answer('2'), 30);
    expect(ledger.figures()).toMatchObject({ answered: 1, duplicated: 1 });
  });

  it('count an answer after the deadline, and a job that failed by it, as late', () => {
    const ledger = new Ledger(1_000);
    for (const id of ['a', 'b', 'c']) ledger.handedIn(id, 0);
    ledger.saw('a', answer('1'), 1_001);
    ledger.saw('b', answer('2', { status: 'failed', code: 'deadline_exceeded' }), 900);
    ledger.saw('c', answer('3', { status: 'failed', code: 'all_targets_failed', attempts: 3, lostCalls: 1 }), 900);
    expect(ledger.figures()).toMatchObject({
      late: 2,
      failed: 1,
      answered: 0,
      errors: { deadline_exceeded: 1, all_targets_failed: 1 },
      attempts: 5,
      lostCalls: 1,
      slowestMs: 1_001,
    });
  });
});
