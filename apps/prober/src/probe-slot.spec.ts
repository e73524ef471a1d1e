import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { phaseOf, probeDueAt, slotAt, slotIsOver, slotStart } from './probe-slot.js';

const intervalMs = 30_000;
const anyTarget = fc.string({ minLength: 1, maxLength: 40 });
const anyNow = fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 });
const anyInterval = fc.integer({ min: 100, max: 600_000 });
const anyJitter = fc.double({ min: 0, max: 0.9, noNaN: true });

describe('slots of a target', () => {
  it('never change from one release to the next: probers of two versions agree', () => {
    expect(phaseOf('openai/gpt-4', intervalMs)).toBe(28_391);
    expect(probeDueAt('openai/gpt-4', 59_000_000, { intervalMs, jitter: 0.1 })).toBe(1_770_000_028_482);
  });

  it('cover all of time without gap or overlap', () => {
    fc.assert(
      fc.property(anyTarget, anyNow, anyInterval, (target, now, interval) => {
        const slot = slotAt(target, now, interval);
        expect(slotStart(target, slot, interval)).toBeLessThanOrEqual(now);
        expect(slotStart(target, slot + 1, interval)).toBeGreaterThan(now);
        expect(slotIsOver(target, slot, now, interval)).toBe(false);
        expect(slotIsOver(target, slot - 1, now, interval)).toBe(true);
      }),
    );
  });

  it('hold their ping, whatever the jitter', () => {
    fc.assert(
      fc.property(anyTarget, anyNow, anyInterval, anyJitter, (target, now, interval, jitter) => {
        const slot = slotAt(target, now, interval);
        const due = probeDueAt(target, slot, { intervalMs: interval, jitter });
        expect(slotAt(target, due, interval)).toBe(slot);
        expect(due - slotStart(target, slot, interval)).toBeLessThanOrEqual(jitter * interval);
      }),
    );
  });

  it('begin at different times for different targets', () => {
    const phases = Array.from({ length: 200 }, (_, i) => phaseOf(`provider/model-${i}`, intervalMs));
    const inFirstTenth = phases.filter((phase) => phase < intervalMs / 10).length;
    expect(inFirstTenth).toBeGreaterThan(5);
    expect(inFirstTenth).toBeLessThan(45);
  });

  it('without jitter, are pinged at their start', () => {
    expect(probeDueAt('openai/gpt-4', 7, { intervalMs, jitter: 0 })).toBe(slotStart('openai/gpt-4', 7, intervalMs));
  });
});
