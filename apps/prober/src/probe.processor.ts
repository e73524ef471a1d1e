import { Controller, UseFilters } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { QUEUES, UnderstudyError, parseOrThrow } from '#libs/contracts';
import { BULLMQ_TRANSPORT, BullContext, PassThroughRpcFilter, RejectedJobError } from '#libs/queue';
import { ProbeService } from './probe.service.js';
import { probeWorkSchema, type ProbeDisposition, type ProbeWork } from './probe-work.js';

/**
 * Pings that one prober takes in hand at once. Far more than there are targets: what bounds them is the lane of each provider, and a
 * ping that waits for its lane must not keep the pings of other providers in the queue.
 */
const PINGS_IN_HAND = 1_000;

/** The ping queue's edge. */
@Controller()
@UseFilters(PassThroughRpcFilter)
export class ProbeProcessor {
  constructor(private readonly probes: ProbeService) {}

  @MessagePattern(QUEUES.probe, BULLMQ_TRANSPORT, { concurrency: PINGS_IN_HAND })
  probe(@Payload() payload: unknown, @Ctx() context: BullContext): Promise<ProbeDisposition> {
    const work = parseWork(payload);
    return this.probes.probe(work, {
      mark: (calledAt) => context.updateJobData({ ...work, calledAt }),
      signal: context.signal,
    });
  }
}

function parseWork(payload: unknown): ProbeWork {
  try {
    return parseOrThrow(probeWorkSchema, payload, 'ping job');
  } catch (error) {
    // The same bytes would be refused again.
    if (error instanceof UnderstudyError) throw new RejectedJobError(error.message);
    throw error;
  }
}
