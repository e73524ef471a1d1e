export * from './failure.js';
export type * from './observation.js';
