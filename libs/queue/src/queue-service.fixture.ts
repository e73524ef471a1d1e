import { Controller, type INestMicroservice, Module, UseFilters } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import type { Telemetry } from 'bullmq';
import type { BullContext } from './bull-context.js';
import { type BullExtras, BULLMQ_TRANSPORT, BullServer } from './bull-server.js';
import { PassThroughRpcFilter } from './pass-through-rpc.filter.js';
import type { StopPatience } from './supervised-worker.js';

export interface QueueServiceOptions {
  queue: string;
  prefix: string;
  redisUrl: string;
  extras?: BullExtras;
  worker?: BullExtras;
  telemetry?: Telemetry;
  patience?: StopPatience;
  handle: (payload: unknown, context: BullContext) => unknown;
}

/** A Nest service with one handler, as our apps have it, and the errors that its server reported. */
export interface QueueService {
  app: INestMicroservice;
  server: BullServer;
  errors: Error[];
}

/** Starts a service on a queue; `close` its app at the end of the test. */
export async function startQueueService(options: QueueServiceOptions): Promise<QueueService> {
  const { queue, prefix, redisUrl, extras, worker, telemetry, patience, handle } = options;

  @Controller()
  @UseFilters(PassThroughRpcFilter)
  class Processor {
    @MessagePattern(queue, BULLMQ_TRANSPORT, extras ?? {})
    async work(@Payload() payload: unknown, @Ctx() context: BullContext): Promise<unknown> {
      return handle(payload, context);
    }
  }

  @Module({ controllers: [Processor] })
  class QueueModule {}

  const errors: Error[] = [];
  const server = new BullServer({
    redisUrl,
    prefix,
    telemetry,
    onError: (error) => errors.push(error),
    ...(worker && { worker }),
    ...(patience && { patience }),
  });
  const app = await NestFactory.createMicroservice(QueueModule, { strategy: server, logger: false });
  await app.listen();
  return { app, server, errors };
}
