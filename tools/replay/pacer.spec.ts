import { expect, it } from 'vitest';
import { Pacer } from './pacer.js';

it('never has more work under way than allowed, and reports how late that made it', async () => {
  const pacer = new Pacer(1000, 2);
  let running = 0;
  let most = 0;
  for (let i = 0; i < 6; i++)
    await pacer.start(i, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
    });
  await pacer.finish();
  expect({ most, running }).toEqual({ most: 2, running: 0 });
  expect(pacer.worstLagMs).toBeGreaterThan(20);
});

it('starts work at its time divided by the speed, not earlier', async () => {
  const pacer = new Pacer(10, 100);
  const startedAt = performance.now();
  let firedAt = 0;
  await pacer.start(1000, async () => void (firedAt = performance.now()));
  await pacer.finish();
  expect(firedAt - startedAt).toBeGreaterThanOrEqual(98);
});
