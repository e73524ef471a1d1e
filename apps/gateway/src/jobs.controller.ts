import type { IncomingMessage, ServerResponse } from 'node:http';
import { All, Body, Controller, Delete, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CompletionClient, type EnqueueOptions, type JobState } from '#libs/client';
import type { UnderstudyConfig } from '#libs/config';
import { type JobResult, UnderstudyError } from '#libs/contracts';
import { answerHeaders, factsOf } from './answer-headers.js';
import { CallersService } from './callers.service.js';
import { checkJobDoor, readChatRequest } from './chat-request.js';
import { ChatStreamService } from './chat-stream.service.js';
import { DoorError, refuseMethod } from './door.errors.js';
import { CONFIG } from './models.service.js';
import { doorError, toJobError } from './openai-error.js';
import { readFlag, readWaitMs } from './query-parameters.js';
import { sendJson } from './send-json.js';

/** Errors that are none of the job's own. */
const OF_THE_DOOR = ['job_not_found', 'queue_unavailable', 'invalid_request'];

/** Jobs for callers that do not want to wait on an open connection. */
@Controller('v1/jobs')
export class JobsController {
  constructor(
    private readonly client: CompletionClient,
    private readonly streams: ChatStreamService,
    private readonly callers: CallersService,
    @Inject(CONFIG) private readonly config: UnderstudyConfig,
  ) {}

  /**
   * Takes the body of a chat completion, or with `understudy.operation: embeddings` that of embeddings, and answers with the job's id
   * at once. `stream: true` lets others read along.
   */
  @Post()
  async create(
    @Body() body: unknown,
    @Req() incoming: IncomingMessage,
    @Res() outgoing: ServerResponse,
  ): Promise<void> {
    const asked = readChatRequest(body, incoming.headers, this.config.gateway.streaming);
    checkJobDoor(asked);
    const { request, wishes, stream, operation } = asked;
    const isEmbedding = operation === 'embeddings';
    const options = { ...wishes, ...(operation && { operation }), ...(stream && !isEmbedding && { streaming: true }) };
    // Said again, so that the client refuses it like whatever else is wrong with a request.
    const whole = stream && isEmbedding ? { ...request, stream: true } : request;
    const id = await this.client.enqueue(whole as never, options as EnqueueOptions);
    const headers = { ...answerHeaders({ jobId: id }), location: `/v1/jobs/${encodeURIComponent(id)}` };
    // A key may name a job that is under way or over already.
    const state = wishes.idempotencyKey === undefined ? 'queued' : await this.client.state(id);
    sendJson(outgoing, 202, { id, object: 'job', state }, headers);
  }

  /** Where a job stands, and its result or error once it has one; waits for that as long as `wait_ms` says. */
  @Get(':id')
  async find(@Param('id') id: string, @Query('wait_ms') wait: unknown, @Res() outgoing: ServerResponse): Promise<void> {
    const left = this.callers.whenLeft(outgoing);
    try {
      const result = await this.client.result<JobResult>(id, { waitMs: readWaitMs(wait), signal: left });
      if (result) sendJson(outgoing, 200, completed(id, result), answerHeaders(factsOf(result)));
      else
        sendJson(
          outgoing,
          200,
          { id, object: 'job', state: await this.client.state(id) },
          answerHeaders({ jobId: id }),
        );
    } catch (error) {
      if (left.aborted) return;
      if (!(error instanceof UnderstudyError) || OF_THE_DOOR.includes(error.code)) throw error;
      const state: JobState = error.code === 'cancelled' ? 'cancelled' : 'failed';
      const facts = { jobId: id, attempts: error.attempts.at(-1)?.number };
      sendJson(outgoing, 200, { id, object: 'job', state, ...toJobError(error) }, answerHeaders(facts));
    }
  }

  /** The answer of a job as a stream, from its beginning, whenever it is asked for. */
  @Get(':id/stream')
  stream(
    @Param('id') id: string,
    @Query('include_usage') usage: unknown,
    @Res() outgoing: ServerResponse,
  ): Promise<void> {
    return this.streams.follow(id, readFlag('include_usage', usage), outgoing);
  }

  /** Cancels a job; 409 when it has come to an end before. */
  @Delete(':id')
  async cancel(@Param('id') id: string, @Res() outgoing: ServerResponse): Promise<void> {
    const outcome = await this.client.cancel(id);
    if (outcome === 'finished')
      throw new DoorError(
        doorError(409, 'job_finished', `Job ${id} had come to an end before; its result stands: GET /v1/jobs/${id}`),
      );
    sendJson(outgoing, 200, { id, object: 'job', state: 'cancelled' }, answerHeaders({ jobId: id }));
  }

  @All()
  refuseOtherMethods(@Req() incoming: IncomingMessage): never {
    refuseMethod(incoming, 'POST a job, then GET or DELETE /v1/jobs/<id>', 'POST');
  }

  @All(':id')
  refuseOtherMethodsOfOne(@Req() incoming: IncomingMessage): never {
    refuseMethod(incoming, 'use GET or DELETE', 'GET, DELETE');
  }
}

const completed = (id: string, result: JobResult) => ({ id, object: 'job', state: 'completed', result });
