import type { Readable } from 'node:stream';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { BodyEncodingError, BodyTooLargeError, parseJson } from '../read-body.js';
import type { Headers } from '../retry-after.js';
import { eventWithUsage } from './counted-usage.js';
import { fieldsOf } from './fields.js';
import { reportedError } from './judge-body.js';

/** Events of which a message is made. Others are left out: Anthropic adds new ones and asks its clients not to mind. */
const MESSAGE_EVENTS = new Set([
  'message_start',
  'message_delta',
  'message_stop',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
]);
const MESSAGE_STOP = dataOf({ type: 'message_stop' });

/** How long a stream may stay open after its message was whole, in milliseconds. */
const DRAIN_MS = 1_000;

/**
 * The events of a provider's stream, checked before the library sees them: size and encoding are bounded, an error event ends the
 * stream with its class, and a message that has its stop reason is whole even when the last event, or those that end its blocks,
 * never come.
 * @throws while it is read: AnswerError, BodyTooLargeError, BodyEncodingError, or what the socket threw
 */
export function checkedEvents(
  body: Readable,
  { status, headers, maxBytes, onUsage }: { status: number; headers: Headers; maxBytes: number; onUsage: () => void },
): AsyncIterable<string> & { close(): void } {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parser = createParser({ onEvent: (event) => take(event) });
  let pending = '';
  let size = 0;
  const openBlocks = new Set<number>();
  let hasStopReason = false;
  let hasEnded = false;
  let fault: Error | undefined;

  function take(event: EventSourceMessage): void {
    if (event.data === '[DONE]' || hasEnded || fault !== undefined) return;
    const json = parseJson(event.data);
    const type = event.event ?? fieldsOf(json)['type'];
    if (type === 'error') {
      fault = reportedError({ status, headers, body: json ?? event.data, isError: true });
      return;
    }
    if (typeof type === 'string' && !MESSAGE_EVENTS.has(type)) return;
    if (type === 'message_delta' && typeof fieldsOf(fieldsOf(json)['delta'])['stop_reason'] === 'string')
      hasStopReason = true;
    followBlocks(type, fieldsOf(json)['index']);
    if (type === 'message_stop') {
      hasEnded = true;
      pending += stopsOfBlocks();
    }
    const { event: complete, isCounted } = eventWithUsage(type, json);
    if (isCounted) onUsage();
    const text = complete === json ? event.data : JSON.stringify(complete);
    pending += `data: ${text.replaceAll('\n', '\ndata: ')}\n\n`;
  }

  function followBlocks(type: unknown, index: unknown): void {
    if (typeof index !== 'number') return;
    if (type === 'content_block_start') openBlocks.add(index);
    if (type === 'content_block_stop') openBlocks.delete(index);
  }

  /** A message that has ended has ended its blocks: without its stop the library would leave a tool call out. */
  function stopsOfBlocks(): string {
    if (!hasStopReason) return '';
    return [...openBlocks].map((index) => dataOf({ type: 'content_block_stop', index })).join('');
  }

  function decode(chunk?: Buffer): string {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch {
      throw new BodyEncodingError('the answer is not valid UTF-8');
    }
  }

  function read(chunk: Buffer): string {
    size += chunk.length;
    if (size > maxBytes) throw new BodyTooLargeError(maxBytes);
    parser.feed(decode(chunk));
    const text = pending;
    pending = '';
    return text;
  }

  const close = () => {
    // A connection may be used again only when its answer was read to the end.
    const timer = setTimeout(() => body.destroy(), hasEnded ? DRAIN_MS : 0);
    body
      .once('close', () => clearTimeout(timer))
      .on('error', () => undefined)
      .resume();
  };

  async function* events(): AsyncGenerator<string> {
    let drain: NodeJS.Timeout | undefined;
    try {
      for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        const text = read(chunk);
        if (text) yield text;
        if (hasEnded) return;
        // What was said before an error in the same bytes has been said.
        if (fault) throw fault;
        if (hasStopReason) drain ??= setTimeout(() => body.destroy(), DRAIN_MS);
      }
      decode();
    } catch (error) {
      if (!hasStopReason) throw error;
    } finally {
      clearTimeout(drain);
    }
    if (hasStopReason) yield stopsOfBlocks() + MESSAGE_STOP;
  }
  return { [Symbol.asyncIterator]: () => events(), close };
}

function dataOf(event: { type: string; index?: number }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
