import type { ServerResponse } from 'node:http';
import { afterDelay } from './http-exchange.js';
import type { OpenCall } from './open-call.js';
import type { Piece, Reply } from './reply.js';

/** How fast a model answers one request. */
export interface Timing {
  firstTokenMs: number;
  perTokenMs: number;
}

/** What is due at once goes out in writes of about this size. */
const WRITE_BYTES = 64 * 1024;
/** Between the last bytes and a broken connection, so that the caller gets to see the bytes. */
const BREAK_AFTER_MS = 10;

/** Carries out a reply and keeps the call's record in step. Stops when the caller leaves. */
export function sendReply(response: ServerResponse, call: OpenCall, reply: Reply, timing: Timing): void {
  const pieces = reply.pieces[Symbol.iterator]();
  const dueAfter = (piece: Piece): number => (piece.tokens ?? 0) * timing.perTokenMs + (piece.pauseMs ?? 0);
  let next = pieces.next();
  let dueMs = performance.now() + (reply.late ? timing.firstTokenMs : 0);
  if (next.done !== true) dueMs += dueAfter(next.value);
  let hasHead = false;

  const sendDue = (): void => {
    if (response.destroyed) return;
    const batch: Buffer[] = [];
    let bytes = 0;
    // Timers fire late and no finer than 1 ms: send all that is due by now, not one piece per timer.
    while (next.done !== true && dueMs <= performance.now() && bytes < WRITE_BYTES) {
      const { kind, data } = next.value;
      if (kind === 'token') call.record.chunksSent += 1;
      batch.push(Buffer.from(data));
      bytes += data.length;
      next = pieces.next();
      if (next.done !== true) dueMs += dueAfter(next.value);
    }
    if (batch.length > 0 && !hasHead && reply.rawHead !== true) response.writeHead(reply.status, reply.headers);
    hasHead ||= batch.length > 0;
    const data = Buffer.concat(batch);
    if (next.done === true) {
      finish(response, call, reply, data, hasHead);
      return;
    }
    const isTaken = batch.length === 0 || write(response, reply, data);
    if (!isTaken) (reply.rawHead === true ? response.socket : response)?.once('drain', sendDue);
    else if (dueMs <= performance.now()) setImmediate(sendDue);
    else afterDelay(response, Math.max(dueMs - performance.now(), 1), sendDue);
  };
  // What is due already is sent before anything else happens.
  if (dueMs <= performance.now()) sendDue();
  else afterDelay(response, dueMs - performance.now(), sendDue);
}

/** False: the caller is slower than we are, wait for `drain`. */
function write(response: ServerResponse, reply: Reply, data: Buffer): boolean {
  if (reply.rawHead === true) return response.socket?.write(data) ?? true;
  if (data.length > 0) return response.write(data);
  response.flushHeaders();
  return true;
}

function finish(response: ServerResponse, call: OpenCall, reply: Reply, data: Buffer, hasHead: boolean): void {
  const { status, ending } = reply;
  if (ending === 'end' && reply.rawHead !== true) {
    response.end(data);
    call.end(status);
    return;
  }
  if (hasHead) write(response, reply, data);
  if (ending === 'open') call.hang();
  else if (ending === 'linger') call.linger(status);
  else
    afterDelay(response, hasHead ? BREAK_AFTER_MS : 0, () => {
      call.end(ending === 'reset' ? 'reset' : status);
      // resetAndDestroy sends RST: the caller sees ECONNRESET and not a polite end.
      if (ending === 'reset') response.socket?.resetAndDestroy();
      else response.socket?.end();
    });
}
