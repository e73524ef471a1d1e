import { UnderstudyError } from '#libs/contracts';
import { MAX_TIMEOUT_MS } from './request-headers.js';

/** @throws UnderstudyError `invalid_request` that names the parameter */
export function readWaitMs(value: unknown): number {
  if (value === undefined) return 0;
  const ms = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : NaN;
  if (ms <= MAX_TIMEOUT_MS) return ms;
  throw wrong('wait_ms', `a whole number of milliseconds from 0 to ${MAX_TIMEOUT_MS}`);
}

/** @throws UnderstudyError `invalid_request` that names the parameter */
export function readFlag(name: string, value: unknown): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw wrong(name, 'true or false');
}

const wrong = (name: string, expected: string) =>
  new UnderstudyError('invalid_request', `The query parameter ${name} must be ${expected}.`, { field: name });
