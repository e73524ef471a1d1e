import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { writeHead } from './write-head.js';

/** What every stream of ours is sent with. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Nginx would gather the answer otherwise.
  'x-accel-buffering': 'no',
};

/**
 * Server-sent events. The headers leave with whatever comes first, an event or a comment that keeps the connection alive; until then
 * the answer can still become an error with a status of its own.
 */
export class EventStream {
  readonly #keepAlive: NodeJS.Timeout;
  #isCorked = false;

  /** @param headers asked for when they leave */
  constructor(
    private readonly response: ServerResponse,
    keepAliveMs: number,
    private readonly headers: () => OutgoingHttpHeaders,
  ) {
    this.#keepAlive = setInterval(() => this.#comment(), keepAliveMs);
    response.once('close', () => clearInterval(this.#keepAlive));
  }

  /** Whether something has been sent, so that errors have to be told in the stream. */
  get hasBegun(): boolean {
    return this.response.headersSent;
  }

  /** Sends an event; waits as long as the caller does not read what was sent before. */
  async send(data: object | string): Promise<void> {
    this.#write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
    this.#keepAlive.refresh();
    if (!this.response.writableNeedDrain || this.response.destroyed) return;
    const left = new AbortController();
    const { signal } = left;
    await Promise.race([once(this.response, 'drain', { signal }), once(this.response, 'close', { signal })]).finally(
      () => left.abort(),
    );
  }

  end(): void {
    clearInterval(this.#keepAlive);
    this.response.end();
  }

  /** Stops keeping the connection alive, for an answer that is given in another way. */
  abandon(): void {
    clearInterval(this.#keepAlive);
  }

  #comment(): void {
    if (!this.response.writableNeedDrain) this.#write(': waiting\n\n');
  }

  #write(text: string): void {
    const { response } = this;
    if (response.destroyed) return;
    if (!response.headersSent) writeHead(response, 200, { ...STREAM_HEADERS, ...this.headers() });
    // What is said at once goes out at once, in one packet.
    if (!this.#isCorked) {
      this.#isCorked = true;
      response.cork();
      setImmediate(() => {
        this.#isCorked = false;
        response.uncork();
      });
    }
    response.write(text);
  }
}
