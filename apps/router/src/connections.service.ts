import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CompletionQueue, ResultStore } from '#libs/queue';
import { ObservationWriter, TargetLimits } from '#libs/store';

/** Closes what belongs to no service alone, after the last job has ended. */
@Injectable()
export class ConnectionsService implements OnApplicationShutdown {
  constructor(
    private readonly results: ResultStore,
    private readonly queue: CompletionQueue,
    private readonly observations: ObservationWriter,
    private readonly limits: TargetLimits,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.results.close(), this.queue.close(), this.observations.close(), this.limits.close()]);
  }
}
