export { abortAs } from './abort-as.js';
export { AttemptAbort, type CallDeadline } from './attempt-abort.js';
export type { CallLimits } from './call-limits.js';
export { callWithSpan, type CallSpanOptions, markFailed } from './call-span.js';
export { createAdapter, type ProviderKind } from './create-adapter.js';
export { limitsFor, type TargetDeadlines } from './limits-for.js';
export type * from './provider-adapter.js';
export { summaryOf } from './summary-of.js';
