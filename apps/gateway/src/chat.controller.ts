import type { IncomingMessage, ServerResponse } from 'node:http';
import { All, Body, Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { CompletionClient } from '#libs/client';
import type { UnderstudyConfig } from '#libs/config';
import { answerHeaders, factsOf } from './answer-headers.js';
import { CallersService } from './callers.service.js';
import { type ChatRequest, readChatRequest } from './chat-request.js';
import { ChatStreamService } from './chat-stream.service.js';
import { DoorError } from './door.errors.js';
import { CONFIG } from './models.service.js';
import { doorError } from './openai-error.js';
import { sendJson } from './send-json.js';

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
    return chat.stream ? this.streams.answer(chat, chat.stream, outgoing) : this.#answer(chat, outgoing);
  }

  @All()
  refuseOtherMethods(@Req() incoming: IncomingMessage): never {
    const message = `${incoming.method} is not possible here: use POST.`;
    throw new DoorError(doorError(405, 'method_not_allowed', message, { allow: 'POST' }));
  }

  async #answer({ request, wishes, timeoutMs, keep }: ChatRequest, outgoing: ServerResponse): Promise<void> {
    const left = this.callers.whenLeft(outgoing);
    try {
      // The client checks the request and names what is wrong with it.
      const options = { ...wishes, timeoutMs, signal: left, cancelOnAbort: !keep };
      const result = await this.client.complete(request as never, options);
      sendJson(outgoing, 200, result, answerHeaders(factsOf(result)));
    } catch (error) {
      if (!left.aborted) throw error;
      this.callers.count(keep);
    }
  }
}
