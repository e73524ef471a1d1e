import { type ChatChunk, isShallow } from '#libs/contracts';
import type { Readable } from 'node:stream';
import type { EventSourceMessage } from 'eventsource-parser';
import { AnswerError } from '../answer-error.js';
import type { CallScope } from '../call-scope.js';
import { classifyError } from '../classification/classify-error.js';
import { parseJson } from '../read-body.js';
import type { Headers } from '../retry-after.js';
import { CompletionAssembler } from './assemble-completion.js';
import { readChatStream, type ChatStreamListener } from './read-chat-stream.js';
import { saidChars } from './said-chars.js';

/** A streamed answer and all that watches it. */
interface ChatStreamOptions {
  headers: Headers;
  scope: CallScope;
  onDelta: ((chunk: ChatChunk) => void) | undefined;
  /** Largest answer that is read, in bytes. */
  maxBytes: number;
}

/** What a stream was. */
interface ChatStreamAnswer {
  /** A completion in one piece, still to be checked: what it says may be nothing. */
  completion: unknown;
  /** When its last event came, on the clock of `performance.now()`. */
  endedAt: number;
}

/**
 * Reads a streamed answer. It is whole when every choice says why it ended, or the provider says `[DONE]`: that the connection
 * ended well proves nothing. What goes wrong afterwards is no failure.
 * @throws AnswerError for an answer that reports an error or is cut, or whatever broke the reading
 */
export async function readStreamedCompletion(body: Readable, options: ChatStreamOptions): Promise<ChatStreamAnswer> {
  const events = new ChatEvents(options);
  const { isDone, stray } = await readChatStream(body, events, options.maxBytes);
  const { assembler, endedAt } = events;
  if (!assembler.isFinished && !isDone) {
    const json = parseJson(stray);
    throwReported(json, options.headers, false);
    // It ignored that a stream was asked for, and that it should say so.
    if (json !== undefined && !events.hasBegun) return { completion: json, endedAt };
    throw new AnswerError(
      'bad_response',
      events.hasBegun ? 'the stream ended in the middle of the answer' : 'the stream ended before it said anything',
    );
  }
  return { completion: assembler.completion(), endedAt };
}

class ChatEvents implements ChatStreamListener {
  readonly assembler = new CompletionAssembler();
  endedAt = performance.now();
  hasBegun = false;
  #tell: ChatStreamOptions['onDelta'];

  constructor(private readonly options: ChatStreamOptions) {
    this.#tell = options.onDelta;
  }

  get isWhole(): boolean {
    return this.assembler.isFinished;
  }

  event({ event, data }: EventSourceMessage): void {
    const json = parseJson(data);
    throwReported(json ?? data, this.options.headers, event === 'error');
    const chunk = chunkIn(json);
    if (!chunk) {
      // Events of another name are a relay's own business.
      if (event !== undefined && event !== 'message') return;
      throw new AnswerError(
        'bad_response',
        `an event of the stream is no chunk of an answer (${data.length} characters)`,
      );
    }
    this.hasBegun = true;
    this.endedAt = performance.now();
    this.assembler.add(chunk);
    const chars = saidChars(chunk);
    if (chars === 0) return;
    this.options.scope.progressed(chars);
    this.#pass(chunk);
  }

  /** A listener that breaks hears no more; the provider is not to blame for it, and the answer is still wanted. */
  #pass(chunk: ChatChunk): void {
    try {
      this.#tell?.(chunk);
    } catch {
      this.#tell = undefined;
    }
  }
}

function throwReported(body: unknown, headers: Headers, isError: boolean): void {
  const reported = classifyError({ status: 200, headers, body, isError }, Date.now());
  if (reported) throw new AnswerError(reported.failure, reported.message, reported);
}

/** A chunk of an answer; undefined for what is none. The last one, with the usage, has no choices, and sometimes not even a list. */
function chunkIn(json: unknown): ChatChunk | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json) || !isShallow(json)) return undefined;
  const { choices = null, usage = null } = json as { choices?: unknown; usage?: unknown };
  if (choices === null && usage !== null) return { ...json, choices: [] };
  const isList = Array.isArray(choices) && choices.every((choice) => typeof choice === 'object' && choice !== null);
  return isList ? (json as ChatChunk) : undefined;
}
