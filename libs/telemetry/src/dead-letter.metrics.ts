import { Gauge, type Registry } from 'prom-client';
import { within } from './within.js';

/** Longest that a scrape waits for the count, in milliseconds. */
const COUNT_DEADLINE_MS = 1_000;

/** How many jobs were given up and wait for somebody to look at them, counted when somebody scrapes. */
export class DeadLetterMetrics {
  constructor(registry: Registry, count: () => Promise<number>) {
    const gauge: Gauge = new Gauge({
      name: 'ai_dead_letters',
      help: 'Jobs that failed for good and are kept to be inspected and replayed; missing while Redis cannot be asked',
      registers: [registry],
      collect: async () => {
        const letters = await within(Promise.resolve().then(count), COUNT_DEADLINE_MS, null).catch(() => null);
        // No number at all rather than one from before the outage.
        if (letters === null) gauge.remove();
        else gauge.set(letters);
      },
    });
    gauge.set(0);
  }
}
