import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fleetTransition, initialFleetMode, type FleetMode, type ModeChange } from './fleet-mode.js';
import { START } from './story.fixture.js';

const rules = { primary: 'relay', secondary: 'direct', switchAfterMs: 300_000, returnAfterMs: 120_000 };

/** A fleet that is looked at each second; each spell lasts so many seconds. */
function fleet() {
  let mode: FleetMode = initialFleetMode(rules);
  let now = START;
  const changes: (ModeChange & { second: number })[] = [];
  const look = (isPrimaryUp: boolean, setTo: string | null) => {
    const [next, change] = fleetTransition(mode, { isPrimaryUp, setTo, now }, rules);
    mode = next;
    if (change) changes.push({ ...change, second: (now - START) / 1_000 });
    now += 1_000;
  };
  return {
    changes,
    current: () => mode.current,
    up: (seconds: number, setTo: string | null = null) => repeat(seconds, () => look(true, setTo)),
    down: (seconds: number, setTo: string | null = null) => repeat(seconds, () => look(false, setTo)),
  };
}

function repeat(times: number, work: () => void): void {
  for (let i = 0; i < times; i++) work();
}

describe('the automatic choice', () => {
  test('it switches after 300 s without the primary mode, and returns after 120 s with it', () => {
    const { up, down, changes } = fleet();
    up(10);
    down(301);
    up(121);
    expect(changes).toEqual([
      { from: 'relay', to: 'direct', reason: 'primary_failing', afterMs: 300_000, second: 310 },
      { from: 'direct', to: 'relay', reason: 'primary_recovered', afterMs: 120_000, second: 431 },
    ]);
  });

  test('an outage with a moment of health in it begins anew', () => {
    const { up, down, current } = fleet();
    down(290);
    up(1);
    down(290);
    expect(current()).toBe('relay');
  });

  test('a flapping primary never returns early, and one outage is one switch', () => {
    const { up, down, changes, current } = fleet();
    down(301);
    repeat(20, () => (up(110), down(5)));
    expect([current(), changes.length]).toEqual(['direct', 1]);
    up(121);
    expect([current(), changes.length]).toEqual(['relay', 2]);
  });

  test('any history: a switch exactly after 300 s down in a row, a return exactly after 120 s up in a row', () => {
    const spell = fc.record({ isUp: fc.boolean(), seconds: fc.integer({ min: 1, max: 400 }) });
    fc.assert(
      fc.property(fc.array(spell, { maxLength: 15 }), (spells) => {
        let [mode, now, downRow, upRow] = [initialFleetMode(rules), START, 0, 0];
        for (const { isUp, seconds } of spells)
          for (let i = 0; i < seconds; i++) {
            const look = { isPrimaryUp: isUp, setTo: null, now: (now += 1_000) };
            const [next, change] = fleetTransition(mode, look, rules);
            [downRow, upRow] = isUp ? [0, upRow + 1] : [downRow + 1, 0];
            if ((change?.to === 'direct') !== (mode.current === 'relay' && downRow === 301)) throw new Error('switch');
            if ((change?.to === 'relay') !== (mode.current === 'direct' && upRow === 121)) throw new Error('return');
            mode = next;
          }
      }),
      { numRuns: 500 },
    );
  });

  test('a clock that goes back by an hour starts the count anew instead of adding the hour, as does one that goes ahead', () => {
    for (const leapMs of [-3_600_000, 3_600_000]) {
      let [mode] = [initialFleetMode(rules)];
      const downAt = (now: number) => ([mode] = fleetTransition(mode, { isPrimaryUp: false, setTo: null, now }, rules));
      downAt(START);
      for (let ms = 0; ms < 300_000; ms += 1_000) downAt(START + leapMs + ms);
      expect(mode.current).toBe('relay');
      downAt(START + leapMs + 300_000);
      expect(mode.current).toBe('direct');
    }
  });
});

describe('time in which nobody looked', () => {
  const after = (gapMs: number, isPrimaryUp: boolean, from: FleetMode) =>
    fleetTransition(from, { isPrimaryUp, setTo: null, now: from.lookedAt + gapMs }, rules);
  /** Looked at each second for so long; the first look is one that changes nothing. */
  const lasting = (seconds: number, isPrimaryUp: boolean, from = initialFleetMode(rules)): FleetMode => {
    let mode = { ...from, lookedAt: from.lookedAt || START };
    repeat(seconds + 1, () => ([mode] = after(1_000, isPrimaryUp, mode)));
    return mode;
  };

  test.each([
    ['down', () => lasting(100, false), false, 300_000],
    ['up again', () => lasting(100, true, lasting(300, false)), true, 120_000],
  ])(
    'it does not count: a primary that was %s before and after it has not been so without a break',
    (_what, begin, isUp, holdMs) => {
      const before = begin();
      let [mode, change] = after(3_600_000, isUp, before);
      const since = mode.lookedAt;
      expect([change, mode.countingSince]).toEqual([null, since]);
      while (!change) [mode, change] = after(1_000, isUp, mode);
      expect([mode.lookedAt - since, change.afterMs]).toEqual([holdMs, holdMs]);
    },
  );

  test('the seconds until another leads do count', () => {
    const before = lasting(290, false);
    const [mode, change] = after(20_000, false, before);
    expect([mode.current, change?.reason]).toEqual(['direct', 'primary_failing']);
  });

  test('any looks, however far apart, and any words: the rule changes only after its whole time seen without a break', () => {
    const look = fc.record({
      isUp: fc.boolean(),
      gapMs: fc.oneof(fc.integer({ min: -5_000, max: 30_000 }), fc.constantFrom(31_000, 600_000, -3_600_000)),
      times: fc.integer({ min: 1, max: 40 }),
      setTo: fc.constantFrom(null, null, 'relay', 'direct', 'sideways'),
    });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 12 }), (looks) => {
        let [mode, now] = [initialFleetMode(rules), START];
        let row: { isUp: boolean; from: number } | null = null;
        for (const { isUp, gapMs, times, setTo } of looks)
          for (let i = 0; i < times; i++) {
            now += gapMs;
            const isSeen: boolean = row !== null && row.isUp === isUp && gapMs <= 30_000;
            row = { isUp, from: isSeen && row ? Math.min(row.from, now) : now };
            const [next, change] = fleetTransition(mode, { isPrimaryUp: isUp, setTo, now }, rules);
            const isWord = setTo === 'relay' || setTo === 'direct';
            if (next.automatic !== mode.automatic) {
              expect(next.automatic).toBe(isUp ? 'relay' : 'direct');
              expect(now - row.from).toBeGreaterThanOrEqual(isUp ? rules.returnAfterMs : rules.switchAfterMs);
            }
            expect(next.current).toBe(isWord ? setTo : next.automatic);
            expect(change !== null).toBe(next.current !== mode.current);
            mode = next;
          }
      }),
      { numRuns: 500 },
    );
  });
});

describe("an operator's word", () => {
  test('it counts at once and for as long as it stands, whatever the rule would do', () => {
    const { up, down, changes, current } = fleet();
    up(5, 'direct');
    up(500, 'direct');
    expect([current(), changes]).toEqual([
      'direct',
      [{ from: 'relay', to: 'direct', reason: 'manual', afterMs: null, second: 0 }],
    ]);
    down(500, 'relay');
    expect(current()).toBe('relay');
  });

  test('when it is taken back the rule has counted on, and no second switch is told for the same outage', () => {
    const { down, changes, current } = fleet();
    down(301);
    down(100, 'direct');
    down(1);
    expect([current(), changes.length]).toEqual(['direct', 1]);
    down(1, 'relay');
    down(1);
    expect(changes.at(-1)).toMatchObject({ from: 'relay', to: 'direct', reason: 'released' });
  });

  test('a word that names no mode counts as none', () => {
    const { up, current } = fleet();
    up(1, 'sideways');
    expect(current()).toBe('relay');
  });
});
