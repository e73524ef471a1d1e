import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LineDigest } from './line-digest.js';

describe('LineDigest', () => {
  let shown: string[];
  let digest: LineDigest;
  let jobs = 0;
  const add = (key: string, job = String(jobs++)) => digest.add(key, job, (count) => shown.push(`${count} ${key}`));
  beforeEach(() => {
    vi.useFakeTimers();
    shown = [];
    digest = new LineDigest();
  });
  afterEach(() => vi.useRealTimers());

  it('shows what comes in one moment in one line, each key by itself', () => {
    for (const key of ['a', 'b', 'a', 'a']) add(key);
    expect(shown).toEqual([]);
    vi.advanceTimersByTime(750);
    expect(shown).toEqual(['3 a', '1 b']);
  });

  it('shows a key that goes on and on once in two seconds, and counts all of it', () => {
    for (let elapsedMs = 0; elapsedMs < 10_000; elapsedMs += 100) {
      add('a');
      vi.advanceTimersByTime(100);
    }
    digest.flush();
    expect(shown.length).toBeLessThanOrEqual(6);
    expect(shown.reduce((sum, line) => sum + Number.parseInt(line, 10), 0)).toBe(100);
  });

  it('counts a job once, however often it comes in one moment', () => {
    for (const job of ['1', '2', '1']) add('a', job);
    digest.flush();
    expect(shown).toEqual(['2 a']);
  });

  it('keeps nothing back at the end', () => {
    add('a');
    digest.flush();
    vi.advanceTimersByTime(10_000);
    expect(shown).toEqual(['1 a']);
  });
});
