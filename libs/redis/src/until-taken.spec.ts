import { describe, expect, it, vi } from 'vitest';
import { untilTaken } from './until-taken.js';

const full = new Error("OOM command not allowed when used memory > 'maxmemory'.");

describe('untilTaken', () => {
  it('tries again while the refusal is one that passes', async () => {
    const work = vi.fn<() => Promise<string>>().mockRejectedValueOnce(full).mockResolvedValue('taken');
    expect(await untilTaken(work, new AbortController().signal)).toBe('taken');
    expect(work).toHaveBeenCalledTimes(2);
  });

  it('gives a lasting refusal back at once', async () => {
    const work = vi.fn<() => Promise<string>>().mockRejectedValue(new Error('WRONGTYPE'));
    await expect(untilTaken(work, new AbortController().signal)).rejects.toThrow('WRONGTYPE');
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('ends when nobody wants it any more', async () => {
    const stop = new AbortController();
    const work = vi.fn<() => Promise<string>>().mockRejectedValue(full);
    const waiting = untilTaken(work, stop.signal);
    stop.abort();
    await expect(waiting).rejects.toThrow('OOM');
  });
});
