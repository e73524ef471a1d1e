import type { FailureClass } from '#libs/health-core';

/** What says no more about a half answer than that it broke. Our own timers, the account and the request remain themselves. */
const BREAKS: ReadonlySet<FailureClass> = new Set([
  'overloaded',
  'server_error',
  'connection',
  'dns_tls',
  'bad_response',
]);

/** The class of a failure that struck when the answer had already said something. */
export const failureAfterFirstToken = (failure: FailureClass): FailureClass =>
  BREAKS.has(failure) ? 'stream_broken' : failure;
