import type { ParseArgsOptionsConfig } from 'node:util';
import type { Redis } from '#libs/redis';

/** Where the commands look. */
export interface Place {
  redisUrl: string;
  /** Hash tag of the installation. */
  prefix: string;
  /** Open for as long as the command runs, and to be lent to whatever it uses. */
  connection: Redis;
}

/** What was typed after the command's name. */
export interface Typed {
  words: string[];
  options: Readonly<Record<string, string | boolean | undefined>>;
}

/** What a command has to say. */
export interface Answer {
  /** For programs (`--json`). */
  data: unknown;
  /** For people. */
  text: string;
  /** Exit code; default 0. */
  code?: number;
}

/** One word of the command line. */
export interface Command {
  /** How it is typed, and what it does: lines of `--help`. */
  usage: string;
  examples: string;
  options: ParseArgsOptionsConfig;
  /** Runs without a connection: it looks at Redis in its own way. */
  standsAlone?: boolean;
  run(typed: Typed, place: Place): Promise<Answer>;
}

/** The command line was typed wrong; the message says what is right. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'wrong_usage';
}
