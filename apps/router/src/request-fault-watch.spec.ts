import type { FailureClass } from '#libs/health-core';
import { describe, expect, test } from 'vitest';
import { RequestFaultWatch } from './request-fault-watch.js';

type Outcome = 'success' | FailureClass;

/** What is told while these outcomes come, with the number of the call that it is told at. */
function told(watch: RequestFaultWatch, target: string, outcomes: readonly Outcome[]) {
  return outcomes.flatMap((outcome, i) => {
    const faults = watch.heard(target, outcome);
    return faults ? [{ at: i + 1, ...faults }] : [];
  });
}
const times = (count: number, outcome: Outcome): Outcome[] => Array<Outcome>(count).fill(outcome);
/** Of each five calls one is refused. */
const aFifth = (calls: number): Outcome[] =>
  Array.from({ length: calls }, (_, i) => (i % 5 === 0 ? 'bad_request' : 'success'));

describe('a target that finds fault with requests', () => {
  test('is told of once after ten unknown parameters in a row, and again when it has answered between', () => {
    const watch = new RequestFaultWatch();
    expect(told(watch, 'a', times(30, 'unsupported_param'))).toEqual([{ at: 10, inARow: 10, share: 1 }]);
    expect(told(watch, 'a', ['success', ...times(10, 'unsupported_param')])).toMatchObject([{ at: 11, inARow: 10 }]);
  });

  test('is not suspected for a few, nor for what says nothing about requests', () => {
    const watch = new RequestFaultWatch();
    const few: Outcome[] = [...times(9, 'unsupported_param'), 'success', ...times(9, 'unsupported_param')];
    expect(told(watch, 'a', few)).toEqual([]);
    expect(told(watch, 'b', times(500, 'server_error'))).toEqual([]);
  });

  test('is told of when it refuses a fifth of what it is asked, and the others next to nothing', () => {
    const watch = new RequestFaultWatch();
    told(watch, 'b', times(60, 'success'));
    expect(told(watch, 'a', aFifth(60))).toMatchObject([{ at: 50, share: 0.2 }]);
  });

  test('is not suspected when the others refuse as much, or when there are none: then the callers are wrong', () => {
    expect(told(new RequestFaultWatch(), 'a', aFifth(500))).toEqual([]);
    const watch = new RequestFaultWatch();
    told(watch, 'b', aFifth(60));
    expect(told(watch, 'a', aFifth(500))).toEqual([]);
  });

  test('is judged by what it did lately', () => {
    const watch = new RequestFaultWatch();
    told(watch, 'b', times(60, 'success'));
    told(watch, 'a', times(10_000, 'success'));
    expect(told(watch, 'a', times(200, 'bad_request'))).toHaveLength(1);
  });
});
