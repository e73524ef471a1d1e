import { describe, expect, test } from 'vitest';
import { SeenObservations } from './seen-observations.js';

describe('seen observations', () => {
  test('each id is news once', () => {
    const seen = new SeenObservations();
    const ids = ['a-1', 'a-1', 'a-2', 'b-1', 'a-1', 'b-1', 'a-10', 'a-9'];
    expect(ids.map((id) => seen.take(id))).toEqual([true, false, true, true, false, false, true, false]);
  });

  test('an id of another form is news once as well', () => {
    const seen = new SeenObservations();
    expect(['probe', 'probe', 'x-7f', 'x-7f', '-1'].map((id) => seen.take(id))).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  test('what it remembers can be stored and taken up again', () => {
    const seen = new SeenObservations();
    seen.take('a-b-5');
    const next = new SeenObservations(JSON.parse(JSON.stringify(seen)) as never);
    expect([next.take('a-b-5'), next.take('a-b-6')]).toEqual([false, true]);
  });

  test('memory is bounded, and those who still report are not forgotten', () => {
    const seen = new SeenObservations();
    for (let i = 1; i <= 3_000; i++) {
      seen.take(`other${i}-1`);
      seen.take(`steady-${i}`);
    }
    expect(seen.toJSON()).toHaveLength(1_000);
    expect(seen.take('steady-3000')).toBe(false);
  });
});
