/** How a program refuses an argument: its own error, whose message names the argument and the fix. */
type Refusal = new (message: string) => Error;

/**
 * The number that an option of a command line gives; undefined when it was not given.
 * @throws a `Refused` for what is no number, or none from `min` to `max`
 */
export function numberOption(
  name: string,
  text: string | undefined,
  { min, max = Infinity }: { min: number; max?: number },
  Refused: Refusal,
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= min && value <= max) return value;
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new Refused(`--${name} is "${text}"; give a number ${range}`);
}
