export * from './completion-client.js';
export type * from './completion-options.js';
export * from './understudy.module.js';
