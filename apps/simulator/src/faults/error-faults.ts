import { z } from 'zod';
import { bodyReply, SILENCE } from '../reply.js';
import type { FaultResponders } from './fault-responder.js';
import { RequestWindow } from './request-window.js';

const errorStatus = z.int('must be an HTTP error status, 400 to 599').min(400).max(599);
const headerName = z.string().regex(/^[\w-]+$/, 'must be a header name');
// eslint-disable-next-line no-control-regex
const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be one line of Latin-1 text');

/** What an error of a provider says; absent parts are what the wire uses with the status. */
export const errorTextFields = {
  code: z.string().optional(),
  type: z.string().optional(),
  message: z.string().optional(),
};

/** The fields of the faults that can also be set in one word (fault-action.ts). */
export const downFields = {
  mode: z.enum(['status', 'reset', 'hang'], 'must be one of: status, reset, hang').default('status'),
  status: errorStatus.default(503),
};
export const rateLimitFields = {
  retryAfterSeconds: z.number().min(0).max(86_400).optional(),
  perMinute: z.int().min(0).max(1_000_000).optional(),
  /** Any other limit: so many requests within `windowMs`. */
  requests: z.int().min(1).max(1_000_000).optional(),
  windowMs: z.int().min(1).max(86_400_000).default(60_000),
  /** Whether a limit says when to come back. */
  silent: z.boolean().default(false),
};
export const flakyFields = { ratio: z.number().min(0).max(1), status: errorStatus.default(500) };

/** Faults that answer with an error, or not at all. */
export const errorFaults = [
  /** Nothing works: an error status (default 503), a reset connection, or no answer ever. */
  z.strictObject({ kind: z.literal('down'), ...downFields }),
  /** 429 always, or beyond `perMinute` requests in any 60 s, or `requests` in any `windowMs`. Without retryAfterSeconds an unconditional 429 has no Retry-After. */
  z.strictObject({ kind: z.literal('rate-limit'), ...rateLimitFields }),
  /** A share of the requests fails, drawn from the seed. */
  z.strictObject({ kind: z.literal('flaky'), ...flakyFields }),
  /** Any error a provider can send, word for word; `body` replaces the wire's error object altogether. */
  z.strictObject({
    kind: z.literal('status'),
    status: errorStatus,
    ...errorTextFields,
    body: z.string().optional(),
    headers: z.record(headerName, headerValue).optional(),
  }),
  /** 400 for a request whose last message is the assistant's; all others are answered. */
  z.strictObject({ kind: z.literal('reject-prefill') }),
] as const;

type ErrorFault = z.infer<(typeof errorFaults)[number]>;

/** What each of them does. */
export const errorResponders: FaultResponders<ErrorFault> = {
  down: (fault) => (call) => {
    if (fault.mode === 'hang') return SILENCE;
    if (fault.mode === 'reset') return { ...SILENCE, ending: 'reset' };
    // The code says "overloaded" and goes with 503 alone: callers trust a code more than a status.
    const openAi = fault.status === 503 ? { code: 'server_is_overloaded' } : {};
    return call.renderError({ status: fault.status, openAi, message: 'The server is down (simulated).' });
  },

  'rate-limit': ({ perMinute, requests, windowMs, silent, retryAfterSeconds }) => {
    const limit = requests ?? perMinute;
    const window = new RequestWindow(limit ?? 0, requests === undefined ? 60_000 : windowMs);
    return (call) => {
      const waitMs = window.admit(call.nowMs);
      if (waitMs === 0) return undefined;
      const waitSeconds = retryAfterSeconds ?? (limit && !silent ? waitMs / 1_000 : undefined);
      return call.renderError({
        status: 429,
        openAi: { code: 'rate_limit_exceeded' },
        message: 'Rate limit reached (simulated).',
        headers: {
          ...(waitSeconds === undefined ? {} : { 'retry-after': String(Math.ceil(waitSeconds)) }),
          ...(limit === undefined
            ? {}
            : { 'x-ratelimit-limit-requests': String(limit), 'x-ratelimit-remaining-requests': '0' }),
        },
      });
    };
  },

  flaky: (fault, random) => (call) => {
    if (random() >= fault.ratio) return undefined;
    return call.renderError({ status: fault.status, message: 'The server had an error (simulated).' });
  },

  status:
    ({ status, code, type, message = `Status ${status} (simulated).`, body, headers }) =>
    (call) => {
      if (body === undefined) return call.renderError({ status, code, type, message, headers });
      const reply = bodyReply(status, 'application/json', body, false);
      // Given in any case, a header replaces ours.
      const given = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
      return { ...reply, headers: { ...reply.headers, ...Object.fromEntries(given) } };
    },

  'reject-prefill': () => (call) => {
    if (!call.request.endsWithAssistant) return undefined;
    const message =
      'This model does not support assistant message prefill. The conversation must end with a user message.';
    return call.renderError({ status: 400, message });
  },
};
