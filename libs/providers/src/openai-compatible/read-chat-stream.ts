import type { Readable } from 'node:stream';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { AnswerError } from '../answer-error.js';
import { BodyEncodingError, BodyTooLargeError } from '../read-body.js';

/** How long the usage and the end are waited for once the answer is whole; also how long a connection may take to be reusable. */
const DRAIN_MS = 1_000;

/** What hears the events of a stream. Whatever its methods throw ends the reading. */
export interface ChatStreamListener {
  /** One event with data that is not the end marker. */
  event(message: EventSourceMessage): void;
  /** Whether nothing that may still come, or go wrong, changes the answer. */
  readonly isWhole: boolean;
}

/** How a stream ended. */
export interface ChatStreamEnd {
  /** It said `[DONE]`. */
  isDone: boolean;
  /** Lines that are no events: Gemini breaks off with an error in plain JSON, and some answer in one piece. */
  stray: string;
}

/**
 * Reads a stream of server-sent events to its end: the end marker, the end of the body, or, once the answer is whole, whatever
 * comes first of an error and a short while. A body that is not read to its end is destroyed, and with it the connection.
 * @throws BodyTooLargeError, BodyEncodingError, what the listener or the socket threw
 */
export function readChatStream(body: Readable, listener: ChatStreamListener, maxBytes: number): Promise<ChatStreamEnd> {
  return new Promise((resolve, reject) => {
    const end: ChatStreamEnd = { isDone: false, stray: '' };
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let bytes = 0;
    let drain: NodeJS.Timeout | undefined;

    const parser = createParser({
      maxBufferSize: maxBytes,
      onEvent(message) {
        if (end.isDone) return;
        if (message.data === '[DONE]') end.isDone = true;
        else if (message.data !== '') listener.event(message);
      },
      onError(error) {
        if (error.type === 'max-buffer-size-exceeded') throw new BodyTooLargeError(maxBytes);
        if (error.type === 'unknown-field') end.stray += `${error.line ?? ''}\n`;
      },
    });
    const feed = (chunk: Buffer | undefined) => {
      if (end.isDone) return;
      try {
        bytes += chunk?.length ?? 0;
        if (bytes > maxBytes) throw new BodyTooLargeError(maxBytes);
        const text = decode(decoder, chunk);
        // A last event may lack the blank line that would end it.
        parser.feed(chunk ? text : `${text}\n\n`);
      } catch (error) {
        settle(error);
        body.destroy();
      }
      if (end.isDone) settle();
      if (end.isDone || listener.isWhole) drain ??= setTimeout(giveUp, DRAIN_MS);
    };
    const settle = (error?: unknown) => {
      if (error === undefined || listener.isWhole) resolve(end);
      else reject(error as Error);
    };
    const giveUp = () => {
      settle();
      body.destroy();
    };

    body.on('data', feed);
    body.on('end', () => {
      feed(undefined);
      settle();
    });
    // Also after the end of the reading: nobody else listens, and an unheard error would end the process.
    body.on('error', settle);
    body.on('close', () => {
      clearTimeout(drain);
      settle(new AnswerError('connection', 'the connection closed in the middle of the answer'));
    });
  });
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk: Buffer | undefined): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch {
    throw new BodyEncodingError('the answer is not valid UTF-8');
  }
}
