import { UnderstudyError } from './errors.js';

/** Deeper than any request that makes sense, and far from where recursive code runs out of stack. */
const MAX_DEPTH = 64;

/** Objects, lists and plain values together: a long conversation with tools has some thousands. */
const MAX_VALUES = 50_000;

/** Whether `value` is nested no deeper than recursive code can take. Itself not recursive. */
export function isShallow(value: unknown): boolean {
  return measure(value, Infinity) === 'fine';
}

/**
 * Refuses what would cost too much to check: a small body can hold a million wrong values, each of which would be reported.
 * @throws UnderstudyError `invalid_request`
 */
export function assertBounded(value: unknown, what: string): void {
  const verdict = measure(value, MAX_VALUES);
  if (verdict === 'deep')
    throw new UnderstudyError(
      'invalid_request',
      `The ${what} is nested deeper than ${MAX_DEPTH} levels; make it flatter`,
    );
  if (verdict === 'large')
    throw new UnderstudyError('invalid_request', `The ${what} holds more than ${MAX_VALUES} values; send less at once`);
}

function measure(value: unknown, maxValues: number): 'fine' | 'deep' | 'large' {
  const open: [value: unknown, depth: number][] = [[value, 1]];
  let seen = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [current, depth] = next;
    if (++seen > maxValues) return 'large';
    if (typeof current !== 'object' || current === null) continue;
    if (depth > MAX_DEPTH) return 'deep';
    for (const key in current) open.push([(current as Record<string, unknown>)[key], depth + 1]);
  }
  return 'fine';
}
