import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from './fleet.js';

/** How often each blow was dealt. */
export interface Blows {
  router: number;
  aggregator: number;
  redis: number;
}

const DECK: readonly (keyof Blows)[] = ['router', 'router', 'router', 'router', 'router', 'aggregator', 'redis'];

interface ChaosOptions {
  /** Mean pause between two blows, in milliseconds. */
  everyMs: number;
  /** Gives numbers in [0, 1). */
  draw: () => number;
  onBlow: (what: string) => void;
  signal: AbortSignal;
}

/** Deals one random blow after another until the signal aborts, and counts them. Processes come back by themselves. */
export async function wreakHavoc(fleet: Fleet, { everyMs, draw, onBlow, signal }: ChaosOptions): Promise<Blows> {
  const blows: Blows = { router: 0, aggregator: 0, redis: 0 };
  const repairs: Promise<unknown>[] = [];
  let deck: (keyof Blows)[] = [];
  while (!signal.aborted) {
    // Ends early when the run does.
    await delay(everyMs * (0.5 + draw()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    if (deck.length === 0) deck = shuffled(DECK, draw);
    const kind = deck.pop() as keyof Blows;
    blows[kind]++;
    if (kind === 'redis') {
      onBlow('redis killed');
      await fleet.crashRedis();
      continue;
    }
    const running = fleet.running(kind);
    const victim = running[Math.floor(draw() * running.length)];
    if (victim === undefined) continue;
    onBlow(`${victim} killed`);
    // Not waited for: the next blow may hit while this one is being mended.
    repairs.push(fleet.replace(victim));
  }
  await Promise.all(repairs);
  return blows;
}

/** In random order, but so that no run is without a blow of each kind. */
function shuffled<T>(cards: readonly T[], draw: () => number): T[] {
  return cards
    .map((card) => ({ card, at: draw() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ card }) => card);
}
