import { Counter, Gauge, type Registry } from 'prom-client';
import { within } from './within.js';

/** Longest that a scrape waits for the count, in milliseconds. */
const COUNT_DEADLINE_MS = 1_000;

/** Why parked jobs went on: somebody could be asked, or the configuration does not know (any more) what they wait for. */
export type ReleaseCause = 'available' | 'unroutable';
const CAUSES: readonly ReleaseCause[] = ['available', 'unroutable'];

/** How a job came to be parked: nobody could be asked for it, or it was let go and found nobody. */
export type ParkingCause = 'nobody' | 'again';
const PARKINGS: readonly ParkingCause[] = ['nobody', 'again'];

/** What jobs that wait look like from outside: for somebody who can be asked, and for too long. */
export class ParkingMetrics {
  private readonly parkings: Counter<'queue' | 'cause'>;
  private readonly releases: Counter<'queue' | 'cause'>;
  private readonly agings: Counter<'queue'>;

  /** @param count asked when somebody scrapes */
  constructor(
    registry: Registry,
    private readonly queue: string,
    count: () => Promise<number>,
  ) {
    const registers = [registry];
    new Gauge({
      name: 'ai_jobs_parked',
      help: 'Jobs that wait until somebody can be asked for them; missing while Redis cannot be asked',
      labelNames: ['queue'],
      registers,
      async collect() {
        const parked = await within(Promise.resolve().then(count), COUNT_DEADLINE_MS, null).catch(() => null);
        // A count from before the outage would look like jobs that nobody lets go.
        this.reset();
        if (parked !== null) this.set({ queue }, parked);
      },
    });
    this.parkings = new Counter({
      name: 'ai_jobs_parkings_total',
      help: 'Times that a job was parked: nobody could be asked for it (nobody), or it was let go and found nobody (again)',
      labelNames: ['queue', 'cause'],
      registers,
    });
    this.releases = new Counter({
      name: 'ai_jobs_released_total',
      help: 'Parked jobs that this router let go: somebody could be asked (available), or nobody knows what they wait for (unroutable)',
      labelNames: ['queue', 'cause'],
      registers,
    });
    this.agings = new Counter({
      name: 'ai_jobs_aged_total',
      help: 'Jobs that had waited for so long that this router moved them ahead of more urgent ones',
      labelNames: ['queue'],
      registers,
    });
    this.agings.inc({ queue }, 0);
    for (const cause of PARKINGS) this.parkings.inc({ queue, cause }, 0);
    for (const cause of CAUSES) this.releases.inc({ queue, cause }, 0);
  }

  parked(cause: ParkingCause): void {
    this.parkings.inc({ queue: this.queue, cause });
  }

  released(cause: ReleaseCause, jobs: number): void {
    this.releases.inc({ queue: this.queue, cause }, jobs);
  }

  aged(jobs: number): void {
    this.agings.inc({ queue: this.queue }, jobs);
  }
}
