import type { Answer } from '../answer.js';
import type { Piece } from '../reply.js';
import { openMessage, renderUsage, stopReasonOf, toolUseIdOf } from './message-body.js';

/**
 * An answer as the events of a message: its start with the input's usage, the start of the one content block, a ping, a
 * delta per token, the end of the block, the stop reason with the usage of it all, the end.
 */
export function renderMessageEvents(answer: Answer): Piece[] {
  const { usage, defect } = answer;
  const startUsage = usage === null ? {} : { usage: renderUsage(usage.inputTokens, 1) };
  const message: Record<string, unknown> = { ...openMessage(answer), ...startUsage };
  if (defect === 'no-choices') delete message.content;
  const start = event('opening', { type: 'message_start', message });
  const stop = event('done', { type: 'message_stop' });
  if (defect === 'role-only') return [start, stop];
  const end = { stop_reason: stopReasonOf(answer), stop_sequence: null };
  const endUsage = usage === null ? {} : { usage: renderUsage(usage.inputTokens, usage.outputTokens) };
  const finish = event('finish', { type: 'message_delta', delta: end, ...endUsage });
  if (defect !== undefined) return [start, finish, stop];
  const isText = answer.toolName === null;
  const block = isText
    ? { type: 'text', text: '' }
    : { type: 'tool_use', id: toolUseIdOf(answer), name: answer.toolName, input: {} };
  const delta = (token: string): object =>
    isText ? { type: 'text_delta', text: token } : { type: 'input_json_delta', partial_json: token };
  return [
    start,
    event('opening', { type: 'content_block_start', index: 0, content_block: block }),
    event('opening', { type: 'ping' }),
    ...answer.tokens.map((token) => ({
      ...event('token', { type: 'content_block_delta', index: 0, delta: delta(token) }),
      tokens: 1,
    })),
    event('finish', { type: 'content_block_stop', index: 0 }),
    finish,
    stop,
  ];
}

function event(kind: Piece['kind'], data: { type: string; [field: string]: unknown }): Piece {
  return { kind, data: `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n` };
}
