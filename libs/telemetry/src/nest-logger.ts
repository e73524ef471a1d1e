import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.js';

/** Nest's own start-up chatter: dozens of lines that say only what the code says. They are written at debug level. */
const FRAMEWORK = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'NestMicroservice',
  'RouterExplorer',
  'RoutesResolver',
  'WebSocketsController',
]);

/** Lets Nest, and everything that uses Nest's `Logger`, write through pino. Nest's last argument, the context, becomes a field. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    this.write(typeof context === 'string' && FRAMEWORK.has(context) ? 'debug' : 'info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  /** Nest calls this with (message, stack, context), (message, context) or (error, context). */
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  private write(
    level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal',
    message: unknown,
    rest: unknown[],
  ): void {
    const fields: Record<string, unknown> = {};
    const details = rest.filter((part) => part !== undefined);
    if (details.length > 0 && isContext(details.at(-1))) fields.context = details.pop();
    const error = message instanceof Error ? message : details.find((part) => part instanceof Error);
    const stack = details.find(isStack);
    if (error) fields.err = error;
    else if (stack) fields.stack = stack;
    const others = details.filter((part) => part !== error && part !== stack);
    if (others.length > 0) fields.details = others;

    if (message instanceof Error) this.logger[level](fields, message.message);
    else if (typeof message === 'object' && message !== null) this.logger[level]({ ...message, ...fields });
    else this.logger[level](fields, String(message));
  }
}

const isContext = (part: unknown): part is string => typeof part === 'string' && !part.includes('\n');
const isStack = (part: unknown): part is string => typeof part === 'string' && part.includes('\n');
