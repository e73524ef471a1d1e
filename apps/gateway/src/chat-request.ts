import type { IncomingHttpHeaders } from 'node:http';
import { parseOrThrow, routingSchema, UnderstudyError, type Routing } from '#libs/contracts';
import { z } from 'zod';

/** How long a caller waits when it does not say. */
const DEFAULT_TIMEOUT_MS = 120_000;

/** Nobody may hold a connection longer than this. */
const MAX_TIMEOUT_MS = 3_600_000;

/** What the gateway itself reads of a body; the client checks the rest. */
const bodySchema = z.looseObject({
  stream: z.literal(false, { error: 'streaming is not supported yet; leave it out or send false' }).nullish(),
  understudy: z
    .strictObject({ routing: routingSchema.optional(), tenant: z.string().min(1).max(128).optional() })
    .optional(),
});

/** A chat completion as asked for over HTTP. */
export interface ChatRequest {
  /** The OpenAI body, without our own field; not checked any further. */
  request: Record<string, unknown>;
  timeoutMs: number;
  routing?: Routing;
  tenant?: string;
}

/**
 * Takes apart what is OpenAI's and what is ours. Ours are the body's field `understudy` and the headers `x-understudy-preferred`,
 * which outdoes the field, and `x-understudy-timeout-ms`.
 * @throws UnderstudyError `invalid_request` with the field, or the name of the header
 */
export function readChatRequest(body: unknown, headers: IncomingHttpHeaders): ChatRequest {
  const { understudy, ...request } = parseOrThrow(bodySchema, body, 'request');
  const preferred = headers['x-understudy-preferred'];
  const routing =
    typeof preferred === 'string' && preferred !== '' ? { ...understudy?.routing, preferred } : understudy?.routing;
  return {
    request,
    timeoutMs: readTimeoutMs(headers['x-understudy-timeout-ms']),
    ...(routing && { routing }),
    ...(understudy?.tenant && { tenant: understudy.tenant }),
  };
}

function readTimeoutMs(header: string | string[] | undefined): number {
  if (header === undefined) return DEFAULT_TIMEOUT_MS;
  const timeoutMs = Number(header);
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs;
  const message = `x-understudy-timeout-ms must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}.`;
  throw new UnderstudyError('invalid_request', message, { field: 'x-understudy-timeout-ms' });
}
