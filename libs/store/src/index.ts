export * from './lease.js';
export * from './mode-store.js';
export { ModelListings } from './model-listings.js';
export type { RejectedEntry } from './observation-entry.js';
export * from './observation-reader.js';
export * from './observation-writer.js';
export * from './snapshot-feed.js';
export { SnapshotStore, type Publication } from './snapshot-store.js';
export type { StoreOptions } from './store-options.js';
export {
  LIMIT_KINDS,
  TargetLimits,
  type LimitKind,
  type Place,
  type PlaceAnswer,
  type TargetLimit,
} from './target-limits.js';
