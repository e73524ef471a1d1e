import type { IncomingMessage, ServerResponse } from 'node:http';
import { All, Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { CompletionClient } from '#libs/client';
import type { CompletionResult } from '#libs/contracts';
import { readChatRequest } from './chat-request.js';
import { DoorError } from './door.errors.js';
import { doorError } from './openai-error.js';

/** A header holds ASCII only; a target may be called anything. */
const headerSafe = (text: string) => (/^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text));

/** `POST /v1/chat/completions`, as OpenAI's SDKs call it. */
@Controller('v1/chat/completions')
export class ChatController {
  constructor(private readonly client: CompletionClient) {}

  /** Answers with the provider's response, and under `understudy` who gave it and what it took. */
  @Post()
  @HttpCode(200)
  async complete(
    @Body() body: unknown,
    @Req() incoming: IncomingMessage,
    @Res({ passthrough: true }) outgoing: ServerResponse,
  ): Promise<CompletionResult> {
    const { request, ...options } = readChatRequest(body, incoming.headers);
    // Who has hung up needs no answer. The job goes on: it may have been paid for already.
    const hangUp = new AbortController();
    outgoing.once('close', () => hangUp.abort());
    // The client checks the request and names what is wrong with it.
    const result = await this.client.complete(request as never, { ...options, signal: hangUp.signal });
    const { jobId, target, attempts } = result.understudy;
    outgoing.setHeader('x-understudy-job-id', jobId);
    outgoing.setHeader('x-understudy-target', headerSafe(target));
    outgoing.setHeader('x-understudy-attempts', String(attempts.length));
    return result;
  }

  @All()
  refuseOtherMethods(@Req() incoming: IncomingMessage): never {
    const message = `${incoming.method} is not possible here: use POST.`;
    throw new DoorError(doorError(405, 'method_not_allowed', message, { allow: 'POST' }));
  }
}
