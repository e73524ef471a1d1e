import { z } from 'zod';
import { milliseconds, wholeNumber } from './scalars.js';

const address = z.url({
  protocol: /^https?$/,
  error: 'is not a URL; write for example https://hooks.example.com/understudy',
});
/** Write `${NAME}`: a secret never stands in the file itself. */
const secret = z.string().min(1);

/** Where alerts go; every channel gets all of them. */
export const alertsSchema = z
  .array(
    z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('pagerduty'),
        routingKey: secret,
        url: address.default('https://events.pagerduty.com/v2/enqueue'),
      }),
      z.strictObject({ kind: z.literal('slack'), url: address }),
      z.strictObject({ kind: z.literal('webhook'), url: address, secret: secret.optional() }),
    ]),
  )
  .default([]);

/** When alerts are sent. */
export const alertRulesSchema = z
  .strictObject({
    /** Every target of a provider unavailable for this long. */
    providerDownAfterMs: milliseconds(0).default(60_000),
    /** A provider that was down is up, or a target that flapped is calm, for this long. */
    resolveAfterMs: milliseconds(0).default(300_000),
    /** So many changes between available and unavailable… */
    flapTransitions: wholeNumber(2, 50).default(4),
    /** …within this time are flapping. */
    flapWindowMs: milliseconds().default(600_000),
    /** A model that its provider will shut down within this time is told; 0: none is. */
    shutdownNoticeMs: milliseconds(0, 365 * 86_400_000).default(30 * 86_400_000),
    /** Between two tries to deliver a message; three are made. */
    retryAfterMs: milliseconds().default(30_000),
  })
  .prefault({});
