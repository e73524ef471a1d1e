import { describe, expect, it } from 'vitest';
import { drawSequence } from './draws.js';
import { EventQueue } from './event-queue.js';

function runAll(events: EventQueue): void {
  while (events.step());
}

describe('EventQueue', () => {
  it('lets everything happen in the order of time, whatever the order of adding', () => {
    const events = new EventQueue(0);
    const draw = drawSequence(7);
    const happened: number[] = [];
    for (let i = 0; i < 2_000; i++) events.at(Math.floor(draw() * 500), () => happened.push(events.now));
    runAll(events);
    expect(happened).toHaveLength(2_000);
    expect(happened).toEqual(happened.toSorted((a, b) => a - b));
  });

  it('lets what is due at the same time happen in the order of adding', () => {
    const events = new EventQueue(0);
    const happened: number[] = [];
    for (let i = 0; i < 100; i++) events.at(5, () => happened.push(i));
    runAll(events);
    expect(happened).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('takes what is added while it runs, and what is due in the past as due now', () => {
    const events = new EventQueue(100);
    const happened: number[] = [];
    events.at(110, () => events.at(50, () => happened.push(events.now)));
    runAll(events);
    expect(happened).toEqual([110]);
  });
});
