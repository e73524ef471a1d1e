import { Controller, UseFilters } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { QUEUES } from '#libs/contracts';
import { BULLMQ_TRANSPORT, BullContext, PassThroughRpcFilter } from '#libs/queue';
import { CompletionService } from './completion.service.js';

/** Queue edge of the router. */
@Controller()
@UseFilters(PassThroughRpcFilter)
export class CompletionProcessor {
  constructor(private readonly completions: CompletionService) {}

  @MessagePattern(QUEUES.completion, BULLMQ_TRANSPORT, { hasLastWord: true })
  work(@Payload() payload: unknown, @Ctx() context: BullContext): Promise<void> {
    return this.completions.work(payload, context);
  }
}
