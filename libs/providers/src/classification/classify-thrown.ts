import type { FailureClass } from '#libs/health-core';
import { AttemptAbort } from '../attempt-abort.js';
import { BodyEncodingError, BodyTooLargeError } from '../read-body.js';

/** Resolvers and certificates: nearly always a wrong configuration. */
const DNS_OR_TLS = /^(ENOTFOUND|ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH)/;

/** The connection works, but what came over it breaks the rules of HTTP. */
const NOT_HTTP = new Set(['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RESPONSE']);

/** What a failed call without an answer was: our own abort, a resolver, TLS, a socket, a body that cannot be read. */
export function classifyThrown(error: unknown): FailureClass {
  if (error instanceof AttemptAbort) {
    if (error.kind === 'caller') return 'cancelled';
    if (error.kind === 'connect') return 'connection';
    return error.kind === 'shutdown' ? 'shutdown' : 'timeout';
  }
  if (error instanceof BodyTooLargeError || error instanceof BodyEncodingError) return 'bad_response';
  // undici leaves its code empty for an answer that does not even begin like HTTP.
  if (error instanceof Error && error.name === 'HTTPParserError') return 'bad_response';
  for (const code of codesOf(error)) {
    if (DNS_OR_TLS.test(code)) return 'dns_tls';
    if (code.startsWith('HPE_') || NOT_HTTP.has(code)) return 'bad_response';
    if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return 'timeout';
  }
  // Resets, refusals, broken pipes, and whatever else kept an answer from arriving.
  return 'connection';
}

/** How a connection that stood ends when the other side lets go of it. A refused one, or one that never came about, ends otherwise. */
const DROPPED = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** Whether a connection that stood was dropped under the call. */
export const isDropped = (error: unknown): boolean => codesOf(error).some((code) => DROPPED.has(code));

/** Libraries bury the system's code one or two causes down. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  let current = error;
  for (let depth = 0; current instanceof Error && depth < 4; depth++) {
    const { code } = current as NodeJS.ErrnoException;
    if (typeof code === 'string') codes.push(code);
    current = current.cause;
  }
  return codes;
}
