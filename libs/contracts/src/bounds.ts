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
  if (!isObject(value)) return 'fine';
  // Two lists side by side, and only of what holds more: an answer may have a million numbers.
  const open: object[] = [value];
  const depths: number[] = [1];
  let seen = 1;
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    const depth = depths.pop() as number;
    if (depth > MAX_DEPTH) return 'deep';
    const children: readonly unknown[] = Array.isArray(current) ? current : Object.values(current);
    seen += children.length;
    if (seen > maxValues) return 'large';
    for (const child of children) {
      if (!isObject(child)) continue;
      open.push(child);
      depths.push(depth + 1);
    }
  }
  return 'fine';
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
