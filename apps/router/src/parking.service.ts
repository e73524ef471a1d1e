import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { type BullContext, type ParkedGroup, ParkingLot } from '#libs/queue';
import { ParkingMetrics } from '#libs/telemetry';
import { WakerService } from './waker.service.js';

/** After a job that was let go has found nobody: how long no other of its group is, however many routers would. */
const HOLD_MS = 500;

/** How a job is to be parked. */
export interface Parking {
  group: ParkedGroup;
  /** Milliseconds until it goes on by itself, should nobody let it go. */
  longestMs: number;
  /** It was let go just now, and found nobody. */
  again: boolean;
}

/** Where this router's jobs wait for somebody who can be asked. */
@Injectable()
export class ParkingService implements OnApplicationShutdown {
  readonly #log = new Logger(ParkingService.name);

  constructor(
    private readonly lot: ParkingLot,
    private readonly waker: WakerService,
    private readonly metrics: ParkingMetrics,
  ) {}

  /** Ends this run of the job; it goes on when a router lets it go. Costs no attempt. Never returns. */
  async park(model: string, context: BullContext, { group, longestMs, again }: Parking): Promise<never> {
    const { jobId, enqueuedAt } = context;
    const priority = context.job.priority ?? 0;
    const isFirst = await this.lot.enter({ jobId, priority, enqueuedAt }, group, again ? HOLD_MS : 0);
    this.metrics.parked(again ? 'again' : 'nobody');
    // One line for all who come to wait for the same.
    if (isFirst)
      this.#log.warn({
        event: 'llm.jobs.parked',
        model,
        group: group.name,
        msg: 'nobody can be asked for these jobs now; they wait until somebody can',
      });
    this.waker.tell(group);
    return context.parkUntil(Date.now() + longestMs);
  }

  /** A job has come out of its group without being let go. */
  async leave(group: string, context: BullContext): Promise<void> {
    await this.lot.leave(group, context.jobId);
  }

  /** Closes after the last job has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.lot.close();
  }
}
