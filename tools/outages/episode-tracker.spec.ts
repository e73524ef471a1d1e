import { describe, expect, it } from 'vitest';
import { EpisodeTracker } from './episode-tracker.js';
import type { Incident } from './incidents.js';
import { simulatedTargets } from './targets.js';

const TARGETS = simulatedTargets(false);
const outage = (startMs: number, endMs: number, impact = 4): Incident => ({
  provider: 'openai',
  startMs,
  endMs,
  impact,
});

/** Shares of openai at these times, the rest goes to anthropic. */
function follow(incidents: Incident[], seen: [atMs: number, share: number][]) {
  const tracker = new EpisodeTracker(TARGETS, incidents, 0, 1_000_000);
  for (const [atMs, share] of seen) tracker.seen([share, 1 - share], atMs);
  return tracker.figures();
}

describe('EpisodeTracker', () => {
  it('measures from the start until traffic has left, and from the end until it is back', () => {
    const seen: [number, number][] = [
      [0, 0.6],
      [110, 0.6],
      [130, 0.1],
      [250, 0.1],
      [270, 0.3],
      [290, 0.5],
    ];
    expect(follow([outage(100, 200)], seen)).toMatchObject({
      outages: 1,
      undetected: 0,
      detectP50Ms: 30,
      returns: 1,
      returnP50Ms: 90,
    });
  });

  it('tells an outage that traffic never left', () => {
    const seen: [number, number][] = [
      [0, 0.6],
      [150, 0.4],
      [250, 0.6],
    ];
    expect(follow([outage(100, 200)], seen)).toMatchObject({
      outages: 1,
      undetected: 1,
      detectP50Ms: null,
      returns: 0,
    });
  });

  it('leaves an outage out that began when traffic was away already', () => {
    const seen: [number, number][] = [
      [0, 0.6],
      [110, 0],
      [310, 0],
      [350, 0],
    ];
    expect(follow([outage(100, 200), outage(300, 400)], seen)).toMatchObject({ outages: 1 });
  });

  it('takes severe pieces that touch as one outage, and minor incidents as none', () => {
    const seen: [number, number][] = [
      [0, 0.6],
      [110, 0],
      [180, 0.6],
      [320, 0.6],
    ];
    const pieces = [outage(100, 150, 2), outage(150, 200, 3), outage(300, 400, 1)];
    expect(follow(pieces, seen)).toMatchObject({ outages: 1, detectP50Ms: 10, returns: 0 });
  });
});
