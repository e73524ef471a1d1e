import { type Attempt, ERROR_CODES, type ErrorCode } from '#libs/contracts';
import { readProgress } from './job-progress.js';
import { readJson } from './read-json.js';

/** A job that was given up, and why. Times are epoch milliseconds. */
export interface DeadLetter {
  id: string;
  code: ErrorCode;
  /** Why it failed, in words. What a provider said may be quoted here. */
  reason: string;
  /** Null when the payload cannot be read. */
  model: string | null;
  tenant: string | null;
  idempotencyKey: string | null;
  /** Every call that was made for it, those of earlier lives included. */
  attempts: Attempt[];
  /** How often work on it has begun. */
  runs: number;
  enqueuedAt: number;
  failedAt: number;
}

/** Which of them; everything that is given must hold. */
export interface DeadLetterFilter {
  code?: string | undefined;
  model?: string | undefined;
  tenant?: string | undefined;
  /** Failed at least so long ago, in milliseconds. */
  olderThanMs?: number | undefined;
}

/** Fields of a job's hash that a letter is made of, in the order in which `toDeadLetter` wants them. */
export const LETTER_FIELDS = ['data', 'progress', 'failedReason', 'timestamp', 'finishedOn', 'ats'] as const;

/** Makes a letter of a job's fields; null when the job is not there any more. */
export function toDeadLetter(id: string, fields: readonly (string | null)[]): DeadLetter | null {
  const [data = null, progress = null, failedReason, timestamp, finishedOn, runs] = fields;
  if (data === null) return null;
  const payload = readJson(data) as {
    request?: { model?: unknown };
    tenant?: unknown;
    idempotencyKey?: unknown;
  } | null;
  const enqueuedAt = Number(timestamp ?? 0);
  return {
    id,
    ...readReason(failedReason ?? 'unknown reason'),
    model: textOrNull(payload?.request?.model),
    tenant: textOrNull(payload?.tenant),
    idempotencyKey: textOrNull(payload?.idempotencyKey),
    attempts: readProgress(readJson(progress), enqueuedAt).attempts,
    runs: Number(runs ?? 0),
    enqueuedAt,
    failedAt: Number(finishedOn ?? 0),
  };
}

/** Whether a filter leaves anything out. */
export const isFiltering = (filter: DeadLetterFilter): boolean =>
  Object.values(filter).some((value) => value !== undefined);

/** Whether a letter is one of those that are meant. */
export function matches(letter: DeadLetter, filter: DeadLetterFilter, now: number): boolean {
  const { code, model, tenant, olderThanMs } = filter;
  return (
    (code === undefined || letter.code === code) &&
    (model === undefined || letter.model === model) &&
    (tenant === undefined || letter.tenant === tenant) &&
    (olderThanMs === undefined || now - letter.failedAt >= olderThanMs)
  );
}

/** Routers fail a job with `code: message`; what BullMQ or a hand-written worker says has no code. */
function readReason(text: string): { code: ErrorCode; reason: string } {
  const [, prefix, rest = ''] = /^(\w+): (.*)$/s.exec(text) ?? [];
  const code = ERROR_CODES.find((known) => known === prefix);
  return code === undefined ? { code: 'internal_error', reason: text } : { code, reason: rest };
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
