import { type Dispatcher, request } from 'undici';
import { readBody, readBodyStart } from '../read-body.js';
import { headerValue, type Headers as HeaderFields } from '../retry-after.js';
import { withUsage } from './counted-usage.js';
import { checkedEvents } from './event-source.js';
import { checkJson, checkMessage } from './judge-body.js';
import { AnswerError } from '../answer-error.js';

/** Largest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Of an error the beginning is enough, and its status does not wait for the rest: bytes, and milliseconds. */
const MAX_ERROR_BYTES = 64 * 1024;
const ERROR_BODY_MS = 1_000;

/**
 * The wire under one call of the library. Sockets, limits and the judgement of answers are ours: the library has no bounds of its own and
 * hides causes, so what went wrong is kept here.
 */
export class Exchange {
  /** HTTP status; undefined while there is no answer. */
  status: number | undefined;
  /** Whether the provider counted the tokens. */
  isCounted = false;
  /** The first thing that went wrong, as it was before the library wrapped it. */
  fault: unknown;
  #stream: { close(): void } | undefined;

  constructor(
    /** `url`: the library knows neither queries nor slashes at the end of a base URL. */
    private readonly wire: {
      url: string;
      dispatcher: Dispatcher;
      signal: AbortSignal;
      hasKey: boolean;
      stream: boolean;
    },
  ) {}

  /** Stands in for the global fetch. */
  readonly fetch = async (_url: Parameters<typeof globalThis.fetch>[0], init?: RequestInit): Promise<Response> => {
    try {
      return await this.#send(init);
    } catch (error) {
      throw this.#keep(error);
    }
  };

  /** Lets go of the connection, whether or not the answer was read. */
  close(): void {
    this.#stream?.close();
  }

  async #send(init: RequestInit | undefined): Promise<Response> {
    const { url, dispatcher, signal, hasKey, stream } = this.wire;
    const headers = Object.fromEntries(new Headers(init?.headers));
    // The library insists on a key; who has none logs in with a header of the configuration, or needs none.
    if (!hasKey) delete headers['x-api-key'];
    const response = await request(url, {
      method: 'POST',
      headers,
      body: init?.body as string,
      dispatcher,
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const status = (this.status = response.statusCode);
    if (stream && status < 300 && isEventStream(response.headers)) {
      const onUsage = () => (this.isCounted = true);
      const checked = { status, headers: response.headers, maxBytes: MAX_ANSWER_BYTES, onUsage };
      return this.#streamed(checkedEvents(response.body, checked));
    }
    const text =
      status < 300
        ? await readBody(response.body, MAX_ANSWER_BYTES)
        : await readBodyStart(response.body, MAX_ERROR_BYTES, ERROR_BODY_MS);
    const answer = { status, headers: response.headers, text };
    if (stream) {
      checkJson(answer);
      throw new AnswerError('bad_response', 'a stream was asked for, and the answer is none');
    }
    const { message, isCounted } = withUsage(checkMessage(answer));
    this.isCounted = isCounted;
    return new Response(isCounted ? answer.text : JSON.stringify(message), { status });
  }

  #streamed(events: AsyncIterable<string> & { close(): void }): Response {
    this.#stream = events;
    const iterator = events[Symbol.asyncIterator]();
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          const { done, value } = await iterator.next();
          if (done) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (error) {
          // An error would throw away what is on its way through the library and has been said. A mere end is enough: without its
          // last event the message does not count.
          this.#keep(error);
          controller.close();
        }
      },
    });
    return new Response(body, { status: 200 });
  }

  #keep(error: unknown): unknown {
    this.fault ??= error;
    return error;
  }
}

/** Without a type it is taken for what was asked for; JSON and HTML instead of a stream are an error or a page in between. */
function isEventStream(headers: HeaderFields): boolean {
  const type = headerValue(headers, 'content-type');
  return type === undefined || /^text\/event-stream\b/i.test(type);
}
