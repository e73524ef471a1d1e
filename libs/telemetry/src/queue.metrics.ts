import { Gauge, type Registry } from 'prom-client';
import { within } from './within.js';

/** Counts the jobs of one queue by state: `{ waiting: 3, active: 1 }`. */
export type CountJobs = () => Promise<Record<string, number>>;

/** Longest that a scrape waits for a count: a scrape that hangs loses the other metrics too, in the outage that they should show. */
const COUNT_DEADLINE_MS = 1_000;

/** How many jobs lie in each queue, counted when somebody scrapes. */
export class QueueMetrics {
  /** @param queues counts by name of the queue */
  constructor(registry: Registry, queues: Readonly<Record<string, CountJobs>>) {
    const gauge: Gauge<'queue' | 'state'> = new Gauge({
      name: 'bullmq_job_count',
      help: 'Jobs in the queue by state; missing while Redis cannot be asked',
      labelNames: ['queue', 'state'],
      registers: [registry],
      collect: async () => {
        const counted = await Promise.all(
          Object.entries(queues).map(async ([queue, count]) => ({
            queue,
            states: await within(Promise.resolve().then(count), COUNT_DEADLINE_MS, {}).catch(() => ({})),
          })),
        );
        // A count from before the outage would look like a queue that stands still.
        gauge.reset();
        for (const { queue, states } of counted)
          for (const [state, jobs] of Object.entries(states)) gauge.set({ queue, state }, jobs);
      },
    });
  }
}
