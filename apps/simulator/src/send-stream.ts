import type { ServerResponse } from 'node:http';
import type { StreamEvents } from './completion-stream.js';
import { afterDelay } from './http-exchange.js';

/**
 * Sends a stream: the opening at once, a token every `perTokenMs`, then the closing. Calls `onLast` when the last event
 * is written; never if the caller leaves before.
 */
export function sendStream(
  response: ServerResponse,
  events: StreamEvents,
  perTokenMs: number,
  onLast: () => void,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  if (perTokenMs === 0) {
    response.end(events.opening + events.tokens.join('') + events.closing);
    onLast();
    return;
  }
  response.write(events.opening);
  const startedMs = performance.now();
  let sent = 0;
  const sendDue = (): void => {
    // Timers fire late and no finer than 1 ms: send what is due by now, not one token per timer.
    const due = Math.min(Math.floor((performance.now() - startedMs) / perTokenMs), events.tokens.length);
    if (due > sent) response.write(events.tokens.slice(sent, due).join(''));
    sent = Math.max(sent, due);
    if (sent < events.tokens.length) {
      afterDelay(response, Math.max(startedMs + (sent + 1) * perTokenMs - performance.now(), 1), sendDue);
      return;
    }
    response.end(events.closing);
    onLast();
  };
  afterDelay(response, Math.max(perTokenMs, 1), sendDue);
}
