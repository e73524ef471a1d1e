import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './answer.js';
import type { CompletionRequest } from './completion-request.js';
import type { Piece } from './reply.js';
import type { Wire } from './wire.js';

/** Something a provider can be asked for, in one wire format. */
export interface Endpoint {
  wire: Wire;
  operation: 'chat' | 'embeddings';
  /** Never throws: what is wrong with a request is in its `refusal`. */
  read(body: Buffer, headers: IncomingHttpHeaders): CompletionRequest;
  /** The answer as a body. */
  renderBody(answer: Answer, request: CompletionRequest): string;
  /** The answer as the events of a stream, one piece each. */
  renderEvents(answer: Answer, request: CompletionRequest): Piece[];
}
