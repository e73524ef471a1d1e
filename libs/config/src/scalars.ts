import { z } from 'zod';

/** A number, or the text of one: environment variables and `${…}` references arrive as text. */
const numeric = z.preprocess((value) => {
  if (typeof value !== 'string' || value.trim() === '') return value;
  const parsed = Number(value);
  return Number.isNaN(parsed) ? value : parsed;
}, z.number());

/** A whole number of milliseconds, at least `min`, at most a day unless told otherwise. */
export const milliseconds = (min = 1, max = 86_400_000) => numeric.pipe(z.int().min(min).max(max));

/** The same, or `off` or 0 for never, which becomes 0. */
export const millisecondsOrOff = (min: number, max: number) =>
  z
    .preprocess((value) => (value === 'off' || value === false ? 0 : value), numeric)
    .refine((value) => value === 0 || (Number.isInteger(value) && value >= min && value <= max), {
      error: `must be off, or a whole number of milliseconds from ${min} to ${max}`,
    });

/** A whole number in a range. */
export const wholeNumber = (min: number, max: number) => numeric.pipe(z.int().min(min).max(max));

/** A number in a range. */
export const numberBetween = (min: number, max: number) => numeric.pipe(z.number().min(min).max(max));

/** A TCP port; 0 asks the system for a free one. */
export const port = () => wholeNumber(0, 65_535);

/** Any number, when something else checks its range. */
export const anyNumber = () => numeric;
