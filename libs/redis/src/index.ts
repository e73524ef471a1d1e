export type { Redis } from 'ioredis';
export * from './clock-sync.js';
export * from './close-redis.js';
export * from './connect-redis.js';
export * from './fleet-clock.js';
export * from './redis-address.js';
export * from './redis-time.js';
export * from './when-ready.js';
export * from './without-command.js';
