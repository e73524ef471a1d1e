import type { Endpoint } from '../endpoint.js';
import { anthropicWire } from './anthropic.wire.js';
import { renderMessageBody } from './message-body.js';
import { renderMessageEvents } from './message-events.js';
import { readMessagesRequest } from './messages-request.js';

/** `POST /v1/messages`. */
export const anthropicMessages: Endpoint = {
  wire: anthropicWire,
  operation: 'chat',
  read: readMessagesRequest,
  renderBody: renderMessageBody,
  renderEvents: renderMessageEvents,
};
