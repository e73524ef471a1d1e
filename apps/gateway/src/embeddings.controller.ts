import type { IncomingMessage, ServerResponse } from 'node:http';
import { All, Body, Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { CompletionClient } from '#libs/client';
import type { UnderstudyConfig } from '#libs/config';
import { CallersService } from './callers.service.js';
import { checkDoor, readChatRequest } from './chat-request.js';
import { refuseMethod } from './door.errors.js';
import { CONFIG } from './models.service.js';

/** `POST /v1/embeddings`, as OpenAI's SDKs call it. */
@Controller('v1/embeddings')
export class EmbeddingsController {
  constructor(
    private readonly client: CompletionClient,
    private readonly callers: CallersService,
    @Inject(CONFIG) private readonly config: UnderstudyConfig,
  ) {}

  /** Answers with a vector for each input, and under `understudy` who gave them and what it took. */
  @Post()
  embed(@Body() body: unknown, @Req() incoming: IncomingMessage, @Res() outgoing: ServerResponse): Promise<void> {
    const asked = readChatRequest(body, incoming.headers, this.config.gateway.streaming);
    checkDoor(asked, 'embeddings');
    const { request, wishes, timeoutMs, keep, stream } = asked;
    // Said again, so that the client refuses it like whatever else is wrong with a request.
    const whole = stream ? { ...request, stream: true } : request;
    return this.callers.answer(outgoing, keep, (waiting) =>
      this.client.embed(whole as never, { ...wishes, timeoutMs, ...waiting }),
    );
  }

  @All()
  refuseOtherMethods(@Req() incoming: IncomingMessage): never {
    refuseMethod(incoming, 'use POST', 'POST');
  }
}
