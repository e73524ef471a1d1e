export * from './completion-client.js';
export type * from './completion-options.js';
export type * from './stream-events.js';
export * from './understudy.module.js';
