import type { IncomingMessage, ServerResponse } from 'node:http';
import { All, Body, Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { CompletionClient } from '#libs/client';
import type { UnderstudyConfig } from '#libs/config';
import { CallersService } from './callers.service.js';
import { type ChatRequest, checkDoor, readChatRequest } from './chat-request.js';
import { ChatStreamService } from './chat-stream.service.js';
import { refuseMethod } from './door.errors.js';
import { CONFIG } from './models.service.js';

/** `POST /v1/chat/completions`, as OpenAI's SDKs call it. */
@Controller('v1/chat/completions')
export class ChatController {
  constructor(
    private readonly client: CompletionClient,
    private readonly streams: ChatStreamService,
    private readonly callers: CallersService,
    @Inject(CONFIG) private readonly config: UnderstudyConfig,
  ) {}

  /** Answers with the provider's response, in one piece or streamed, and under `understudy` who gave it and what it took. */
  @Post()
  async complete(
    @Body() body: unknown,
    @Req() incoming: IncomingMessage,
    @Res() outgoing: ServerResponse,
  ): Promise<void> {
    const chat = readChatRequest(body, incoming.headers, this.config.gateway.streaming);
    checkDoor(chat, 'chat');
    return chat.stream ? this.streams.answer(chat, chat.stream, outgoing) : this.#answer(chat, outgoing);
  }

  @All()
  refuseOtherMethods(@Req() incoming: IncomingMessage): never {
    refuseMethod(incoming, 'use POST', 'POST');
  }

  #answer({ request, wishes, timeoutMs, keep }: ChatRequest, outgoing: ServerResponse): Promise<void> {
    // The client checks the request and names what is wrong with it.
    return this.callers.answer(outgoing, keep, (waiting) =>
      this.client.complete(request as never, { ...wishes, timeoutMs, ...waiting }),
    );
  }
}
