import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fleetTransition, initialFleetMode } from './fleet-mode.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { START } from './story.fixture.js';

test('one page exactly after 300 s without the normal tier, and back only after 120 s with it', () => {
  const spell = fc.record({ isUp: fc.boolean(), seconds: fc.integer({ min: 1, max: 400 }) });
  fc.assert(
    fc.property(fc.array(spell, { maxLength: 15 }), (spells) => {
      let [fleet, now, downRow, upRow] = [initialFleetMode(), START, 0, 0];
      for (const { isUp, seconds } of spells)
        for (let i = 0; i < seconds; i++) {
          const [next, effects] = fleetTransition(fleet, isUp, (now += 1_000), policy);
          [downRow, upRow] = isUp ? [0, upRow + 1] : [downRow + 1, 0];
          if (effects.includes('page') !== (fleet.mode === 'failing' && downRow === 301)) throw new Error('page');
          if (effects.includes('normal') !== (fleet.mode === 'direct' && upRow === 121)) throw new Error('return');
          fleet = next;
        }
    }),
    { numRuns: 1_000 },
  );
});

test('a clock that goes back by an hour starts the count anew instead of adding the hour', () => {
  let [fleet] = fleetTransition(initialFleetMode(), false, START, policy);
  [fleet] = fleetTransition(fleet, false, START - 3_600_000, policy);
  expect(fleetTransition(fleet, false, START - 3_300_000, policy)[0].mode).toBe('direct');
});
