import type { LogLine } from '#libs/processes';
import type { Paint } from './paint.js';

type Fields = Readonly<Record<string, unknown>>;

const STYLES = ['cyan', 'magenta', 'blue', 'green', 'yellow'] as const;
const LEVELS: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
const STATE_CHANGE = 'llm.health.state_change';
/** Told on the terminal even though nothing is wrong: they are the story. */
const TOLD_EVENTS = new Set<unknown>(['llm.failover', STATE_CHANGE]);
/** Not worth a place of their own in one line. */
const HIDDEN_FIELDS = new Set(
  'level time pid hostname name msg event trace_id span_id trace_flags stack err'.split(' '),
);
/** For whoever searches the log files; the terminal has them only on request. */
const FIELDS_FOR_SEARCH = new Set(['job_id', 'context', 'source', 'heldBack']);

/** Whether a person at the terminal wants to know. */
export function isTold({ text, fields }: LogLine): boolean {
  // What is not JSON is a message of Node or of a service that cannot start.
  if (!fields) return text.trim() !== '';
  return ['warn', 'error', 'fatal'].includes(levelOf(fields)) || TOLD_EVENTS.has(fields['event']);
}

/** One line for people: `router     WARN openai/gpt-4 failed …`, followed by the fields that the sentence does not hold. */
export function formatLine(
  service: string,
  { text, fields }: LogLine,
  { paint, isVerbose }: { paint: Paint; isVerbose: boolean },
): string {
  const prefix = paint(STYLES[hash(service) % STYLES.length] ?? 'cyan', service.padEnd(10));
  if (!fields) return `${prefix} ${text}`;
  const level = levelOf(fields);
  const message = String([fields['msg'], fields['event']].find(isScalar) ?? '');
  const badge = level === 'info' ? '' : `${paint(level === 'warn' ? 'yellow' : 'red', level.toUpperCase())} `;
  const details = isVerbose ? everyField(fields) : newFields(fields, message);
  return `${prefix} ${badge}${message} ${paint('dim', details.join(' '))}`.trimEnd();
}

/** Name of a level that pino wrote as a word or as a number. */
export function levelOf({ level }: Fields): string {
  if (typeof level === 'number') return LEVELS[level] ?? 'info';
  return typeof level === 'string' ? level : 'info';
}

const everyField = (fields: Fields) =>
  Object.entries(fields).flatMap(([name, value]) =>
    !HIDDEN_FIELDS.has(name) && isScalar(value) ? [`${name}=${value}`] : [],
  );

function newFields(fields: Fields, message: string): string[] {
  // Its sentence says all of it.
  if (fields['event'] === STATE_CHANGE) return [];
  return everyField(
    Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => !FIELDS_FOR_SEARCH.has(name) && !isSaid(value, message)),
    ),
  );
}

/** Whether the sentence has the value already; a number may stand there rounded. */
function isSaid(value: unknown, message: string): boolean {
  if (typeof value === 'number') return message.includes(String(Math.round(value)));
  return value === '' || (typeof value === 'string' && message.includes(value));
}

const isScalar = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value);

const hash = (text: string) => Buffer.from(text).reduce((sum, byte) => sum + byte, 0);
