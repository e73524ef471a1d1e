export { abortAs } from './abort-as.js';
export { callWithSpan, type CallSpanOptions } from './call-span.js';
export { createAdapter, type ProviderKind } from './create-adapter.js';
export type * from './provider-adapter.js';
export { summaryOf } from './summary-of.js';
