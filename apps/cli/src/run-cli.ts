import { parseArgs } from 'node:util';
import { ConfigError, parseEnv, redisEnv } from '#libs/config';
import { UnderstudyError } from '#libs/contracts';
import { adviseOnRedis, closeRedis, connectRedis, describeRedis, whenReady } from '#libs/redis';
import { CancelCommand } from './cancel.command.js';
import { CheckCommand } from './check.command.js';
import { type Command, type Place, type Typed, UsageError } from './command.js';
import { DeadLettersCommand } from './dead-letters.command.js';
import { JobCommand } from './job.command.js';
import { StatusCommand } from './status.command.js';

const COMMANDS: Readonly<Record<string, Command>> = {
  status: StatusCommand,
  job: JobCommand,
  cancel: CancelCommand,
  'dead-letters': DeadLettersCommand,
  check: CheckCommand,
};

/** How long to wait for Redis, in milliseconds; less once an attempt to connect has failed. */
const CONNECT_MS = 5_000;
const AWAY_MS = 500;

/** Where the words go. */
export interface Output {
  out: (text: string) => void;
  err: (text: string) => void;
}

/**
 * Runs one command.
 * @returns the exit code: 0 done, 1 could not be done or something is wrong, 2 typed wrong
 */
export async function runCli(argv: readonly string[], { out, err }: Output): Promise<number> {
  const [name = 'help', ...rest] = argv;
  const asJson = rest.includes('--json');
  try {
    if (['help', '--help', '-h'].includes(name)) return (out(helpOfAll()), 0);
    const command = COMMANDS[name];
    if (!command) throw new UsageError(`there is no command "${name}"; there are ${Object.keys(COMMANDS).join(', ')}`);
    const typed = readArguments(rest, command);
    if (typed.options['help']) return (out(helpOf(command)), 0);
    const answer = await runAt(command, typed);
    out(asJson ? JSON.stringify(answer.data, null, 2) : answer.text);
    return answer.code ?? 0;
  } catch (error) {
    const { message, code } = explain(error);
    err(asJson ? JSON.stringify({ error: { code, message } }) : `understudy: ${message}`);
    if (error instanceof UsageError) err(`understudy ${COMMANDS[name] ? `${name} ` : ''}--help shows how it is used`);
    return error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  }
}

function readArguments(args: readonly string[], command: Command): Typed {
  const common = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...common, ...command.options },
      allowPositionals: true,
    });
    return { words: positionals, options: values as Typed['options'] };
  } catch (error) {
    // Node's second sentence is advice on words that begin with a dash: no id does.
    throw new UsageError((error as Error).message.split('. ', 1)[0]!);
  }
}

async function runAt(command: Command, typed: Typed) {
  const { REDIS_URL: redisUrl, UNDERSTUDY_PREFIX: prefix } = parseEnv(redisEnv);
  const connection = connectRedis({ url: redisUrl, name: 'understudy', patience: 'fail-fast' });
  const place: Place = { redisUrl, prefix, connection };
  try {
    if (!command.standsAlone) await reach(place);
    return await command.run(typed, place);
  } finally {
    await closeRedis(connection);
  }
}

async function reach({ redisUrl, connection }: Place): Promise<void> {
  try {
    await whenReady(connection, CONNECT_MS, AWAY_MS);
  } catch (error) {
    const message = `${describeRedis(redisUrl)} cannot be reached: ${(error as Error).message}. REDIS_URL says where it is`;
    throw new UnderstudyError('queue_unavailable', message);
  }
}

function explain(error: unknown): { message: string; code: string } {
  if (error instanceof UnderstudyError || error instanceof ConfigError || error instanceof UsageError) return error;
  // Whatever else comes up here was said by Redis.
  return { message: adviseOnRedis((error as Error).message), code: 'internal_error' };
}

const helpOf = ({ usage, examples }: Command) =>
  `${usage}\n\nWith every command: --json for programs, --help.\n\nExamples:\n${examples}`;

const helpOfAll = () => `understudy: look at a running installation, and put things right

${Object.values(COMMANDS)
  .map(({ usage }) => usage)
  .join('\n')}

With every command: --json for programs, --help for its options and examples.

REDIS_URL (default redis://127.0.0.1:6379) says where Redis is, and UNDERSTUDY_PREFIX (default {understudy}) which
installation in it is meant. Exit codes: 0 done, 1 could not be done or something is wrong, 2 typed wrong.`;
