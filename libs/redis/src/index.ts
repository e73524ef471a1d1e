export type { Redis } from 'ioredis';
export * from './close-redis.js';
export * from './connect-redis.js';
export * from './redis-address.js';
export * from './when-ready.js';
export * from './without-command.js';
