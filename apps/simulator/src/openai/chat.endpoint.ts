import type { Endpoint } from '../endpoint.js';
import { renderChatBody } from './chat-body.js';
import { renderChatEvents } from './chat-events.js';
import { readChatRequest } from './chat-request.js';
import { openAiWire } from './openai.wire.js';

/** `POST /v1/chat/completions`. */
export const openAiChat: Endpoint = {
  wire: openAiWire,
  operation: 'chat',
  read: readChatRequest,
  renderBody: renderChatBody,
  renderEvents: renderChatEvents,
};
