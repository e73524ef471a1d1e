export * from './producer.js';

export * from './bull-context.js';
export * from './bull-server.js';
export * from './cancel-feed.js';
export * from './chunk-writer.js';
export type { DeadLetter, DeadLetterFilter } from './dead-letter.js';
export * from './dead-letters.js';
export { replyToOf } from './job-canceller.js';
export type { AbandonReason, JobChunks } from './job-chunks.js';
export * from './job-aging.js';
export * from './job-progress.js';
export * from './parking-lot.js';
export * from './pass-through-rpc.filter.js';
export * from './probe-queue.js';
export * from './rejected-job-error.js';
export { SHUTDOWN, type StopPatience } from './supervised-worker.js';
export * from './stop-patience.js';
export { isVerdict } from './verdict.js';
