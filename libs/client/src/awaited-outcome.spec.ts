import { type CompletionResult, UnderstudyError } from '#libs/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AwaitedOutcome } from './awaited-outcome.js';

const result: CompletionResult = {
  choices: [{ index: 0, finish_reason: 'stop' }],
  understudy: { jobId: 'j', target: 'a/m', attempts: [], queueMs: 0, totalMs: 1 },
};
const error = new UnderstudyError('all_targets_failed', 'nobody is up', { jobId: 'j' }).toJSON();

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('an outcome that is waited for', () => {
  it('gives its result once, to a reader that comes at once', async () => {
    const outcome = new AwaitedOutcome(Promise.resolve({ status: 'completed', result }));
    await vi.waitUntil(() => outcome.known.aborted);
    expect(outcome.isCompleted).toBe(true);
    expect(outcome.take()).toBe(result);
    expect(outcome.take()).toBeUndefined();
  });

  it('lets go of a result that nobody takes, and still knows that there is one', async () => {
    const outcome = new AwaitedOutcome(Promise.resolve({ status: 'completed', result }));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(outcome.isCompleted).toBe(true);
    expect(outcome.take()).toBeUndefined();
  });

  it('keeps an error, which is small', async () => {
    const outcome = new AwaitedOutcome(Promise.resolve({ status: 'failed', error }));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(() => outcome.throwIfFailed()).toThrow('nobody is up');
    expect(outcome.isCompleted).toBe(false);
  });

  it('goes by what is known first', async () => {
    const outcome = new AwaitedOutcome(Promise.resolve(null));
    outcome.found(result);
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.isOverdue).toBe(false);
    expect(outcome.take()).toBe(result);
  });

  it('is overdue when there was none in time', async () => {
    const outcome = new AwaitedOutcome(Promise.resolve(null));
    await vi.waitUntil(() => outcome.known.aborted);
    expect(outcome.isOverdue).toBe(true);
  });
});
