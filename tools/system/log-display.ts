import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { LogLine } from '#libs/processes';
import type { Paint } from './paint.js';
import type { Terminal } from './terminal.js';

const STYLES = ['cyan', 'magenta', 'blue', 'green', 'yellow'] as const;
const LEVELS: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
/** Told on the terminal even though nothing is wrong: they are the story. */
const TOLD_EVENTS = /failover|state_change/;
/** Not worth a column of its own in one line. */
const HIDDEN_FIELDS = new Set([
  'level',
  'time',
  'pid',
  'hostname',
  'name',
  'service',
  'msg',
  'event',
  'trace_id',
  'span_id',
  'trace_flags',
  'stack',
  'err',
]);

interface LogDisplayOptions {
  folder: string;
  terminal: Terminal;
  paint: Paint;
  /** Show every line, not only warnings, failovers and changes of state. */
  isVerbose: boolean;
}

/** Keeps each service's lines in a file of its own, and shows the ones that matter, with the service's name in front. */
export class LogDisplay {
  private readonly files = new Map<string, WriteStream>();

  constructor(private readonly options: LogDisplayOptions) {
    mkdirSync(options.folder, { recursive: true });
  }

  /** Takes a line of a service. */
  take(service: string, line: LogLine): void {
    this.fileOf(service).write(`${line.text}\n`);
    if (this.options.isVerbose || isTold(line)) this.options.terminal.line(this.format(service, line));
  }

  /** One line for people: `router    WARN  openai/gpt-4 failed …`. */
  format(service: string, { text, fields }: LogLine): string {
    const { paint } = this.options;
    const prefix = paint(STYLES[hash(service) % STYLES.length] ?? 'cyan', service.padEnd(10));
    if (!fields) return `${prefix} ${text}`;
    const level = levelOf(fields);
    const details = Object.entries(fields).flatMap(([name, value]) =>
      !HIDDEN_FIELDS.has(name) && isScalar(value) ? [`${name}=${value}`] : [],
    );
    const badge = level === 'info' ? '' : `${paint(level === 'warn' ? 'yellow' : 'red', level.toUpperCase())} `;
    const message = [fields['msg'], fields['event']].find(isScalar) ?? '';
    return `${prefix} ${badge}${message} ${paint('dim', details.join(' '))}`.trimEnd();
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.files.values()].map((file) => new Promise<void>((resolve) => file.end(() => resolve()))),
    );
  }

  private fileOf(service: string): WriteStream {
    const open = this.files.get(service);
    if (open) return open;
    const file = createWriteStream(join(this.options.folder, `${service}.log`));
    file.on('error', () => {}); // a full disk must not end the run
    this.files.set(service, file);
    return file;
  }
}

function isTold({ text, fields }: LogLine): boolean {
  // What is not JSON is a message of Node or of a service that cannot start.
  if (!fields) return text.trim() !== '';
  if (['warn', 'error', 'fatal'].includes(levelOf(fields))) return true;
  return typeof fields['event'] === 'string' && TOLD_EVENTS.test(fields['event']);
}

function levelOf({ level }: Readonly<Record<string, unknown>>): string {
  if (typeof level === 'number') return LEVELS[level] ?? 'info';
  return typeof level === 'string' ? level : 'info';
}

const isScalar = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value);

const hash = (text: string) => Buffer.from(text).reduce((sum, byte) => sum + byte, 0);
