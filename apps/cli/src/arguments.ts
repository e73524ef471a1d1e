import { type Typed, UsageError } from './command.js';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The one word that a command wants. */
export function onlyWord({ words }: Typed, what: string): string {
  const [word, ...more] = words;
  if (word === undefined) throw new UsageError(`${what} is missing`);
  if (more.length > 0) throw new UsageError(`"${more[0]}" is one too many: it takes ${what} and no more`);
  return word;
}

/** `30s`, `15m`, `2h`, `7d` in milliseconds. */
export function durationOf(name: string, text: string | boolean | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit] = /^(\d+)([smhd])$/.exec(String(text)) ?? [];
  if (digits === undefined) throw new UsageError(`--${name} is "${text}"; write a time such as 30s, 15m, 2h or 7d`);
  return Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** A whole number from `min` on. */
export function wholeNumberOf(name: string, text: string | boolean | undefined, min: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(String(text)) ? Number(text) : Number.NaN;
  if (!(value >= min)) throw new UsageError(`--${name} is "${text}"; write a whole number from ${min} on`);
  return value;
}

export const textOf = (value: string | boolean | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;
