export * from './article-score.js';
export * from './candidates.js';
export * from './failure.js';
export type * from './observation.js';
export * from './target-state.js';
export * from './transition.js';
export * from './weights.js';
