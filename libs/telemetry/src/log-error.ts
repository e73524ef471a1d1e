import { pino } from 'pino';

/** How deep errors are looked through that carry other errors. */
const MAX_DEPTH = 4;

/**
 * An error as it is logged: as pino does it, but without the command of Redis that met it. ioredis keeps a command's arguments on
 * its errors, and those are prompts, answers and passwords.
 */
export function logError(error: unknown): unknown {
  return withoutCommands(serialized(error), MAX_DEPTH);
}

function withoutCommands(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return undefined;
  if (Array.isArray(value)) return value.map((part) => withoutCommands(serialized(part), depth - 1));
  const kept = Object.entries(value).filter(([name, part]) => name !== 'command' || typeof part !== 'object');
  return Object.fromEntries(kept.map(([name, part]) => [name, withoutCommands(serialized(part), depth - 1)]));
}

const serialized = (value: unknown): unknown =>
  value instanceof Error ? { ...pino.stdSerializers.err(value) } : value;
