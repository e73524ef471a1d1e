import { z } from 'zod';

/** The longest delay a timer of Node can hold (2^31 - 1 ms, about 24.8 days). */
export const MAX_TIMER_MS = 2_147_483_647;

const errorStatus = z.int('must be an HTTP error status, 400 to 599').min(400).max(599);

/** The fields of the faults that can also be set in one word (fault-action.ts). */
export const downFields = {
  mode: z.enum(['status', 'reset', 'hang'], 'must be one of: status, reset, hang').default('status'),
  status: errorStatus.default(503),
};
export const slowFields = {
  factor: z.number().min(0).max(10_000).default(1),
  addMs: z.number().min(0).max(MAX_TIMER_MS).default(0),
};
export const rateLimitFields = {
  retryAfterSeconds: z.number().min(0).max(86_400).optional(),
  perMinute: z.int().min(0).max(1_000_000).optional(),
};
export const flakyFields = { ratio: z.number().min(0).max(1), status: errorStatus.default(500) };

/** Slowing by nothing is a mistake of the caller, not a fault. */
export const slowsDown = (fault: { factor: number; addMs: number }): boolean => fault.factor !== 1 || fault.addMs > 0;
export const slowsDownProblem = { path: ['factor'], error: 'give factor, addMs or both' };

/** Every way a provider can misbehave. A new kind is one entry here and one in fault-responders.ts. */
export const faultSchema = z.discriminatedUnion(
  'kind',
  [
    /** Nothing works: an error status (default 503), a reset connection, or no answer ever. */
    z.strictObject({ kind: z.literal('down'), ...downFields }),
    /** Right answers, late: drawn latency and token time × factor, plus addMs. */
    z.strictObject({ kind: z.literal('slow'), ...slowFields }).refine(slowsDown, slowsDownProblem),
    /** 429 always, or beyond `perMinute` requests in any 60 s. Without retryAfterSeconds an unconditional 429 has no Retry-After. */
    z.strictObject({ kind: z.literal('rate-limit'), ...rateLimitFields }),
    /** A share of the requests fails, drawn from the seed. */
    z.strictObject({ kind: z.literal('flaky'), ...flakyFields }),
    /** Any error a provider can send, word for word. */
    z.strictObject({
      kind: z.literal('status'),
      status: errorStatus,
      code: z.string().optional(),
      type: z.string().optional(),
      message: z.string().optional(),
      headers: z.record(z.string().regex(/^[\w-]+$/, 'must be a header name'), z.string()).optional(),
    }),
    /** 200 with a page of HTML, as a proxy in front of a provider sends. */
    z.strictObject({ kind: z.literal('html') }),
    /** 200 with a completion that has no choices. */
    z.strictObject({ kind: z.literal('empty-choices') }),
    /** 200 with a body that ends in the middle of the JSON. */
    z.strictObject({ kind: z.literal('garbage') }),
    /** 200 with an error object as the body, or as the first event of a stream. */
    z.strictObject({ kind: z.literal('error-in-200') }),
  ],
  { error: 'must be one of: down, slow, rate-limit, flaky, status, html, empty-choices, garbage, error-in-200' },
);

/** A way to misbehave, with defaults filled in. */
export type Fault = z.infer<typeof faultSchema>;

/** One kind of fault. */
export type FaultOf<Kind extends Fault['kind']> = Extract<Fault, { kind: Kind }>;

/** How long a fault lasts: `forRequests` requests, `forMs` milliseconds, whichever ends first; without either, until cleared. */
export const spanFields = {
  forRequests: z.int().min(1).optional(),
  forMs: z.number().positive().max(MAX_TIMER_MS).optional(),
};

/** How long a fault lasts. */
export interface FaultSpan {
  forRequests?: number | undefined;
  forMs?: number | undefined;
}
