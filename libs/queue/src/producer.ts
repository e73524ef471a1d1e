// What a process needs that hands in jobs and waits for them: no Nest comes with it.
export type { ChunkEntry, PlacedEntry } from './chunk-entry.js';
export * from './chunk-reader.js';
export * from './completion-queue.js';
export type { Cancellation } from './job-canceller.js';
export * from './job-identity.js';
export * from './job-priority.js';
export * from './model-catalog.js';
export type { QueueLocation } from './queue-access.js';
export * from './queue-telemetry.js';
export * from './reply-channel.js';
export * from './result-store.js';
